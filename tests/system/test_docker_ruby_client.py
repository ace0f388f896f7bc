"""A client that Debian ships and that shares no line with docker's own: the docker-api of Ruby."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.docker_cli import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root

# Each line of its output is one thing that was asked, as JSON.
BEGIN = """
require "docker"
require "json"
require "rubygems/package"
Docker.url = "unix://" + ARGV[0]
IMAGE = ARGV[1]
def tell(**found) = puts(JSON.generate(found))
"""


@pytest.fixture
def ask(ours: DockerCli) -> Iterator[Any]:
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("ruby is not installed")

    def run(script: str) -> dict[str, Any]:
        words = [ruby, "-W0", "-e", BEGIN + script, str(ours.socket), IMAGE]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = {}
        for line in done.stdout.splitlines():
            found |= json.loads(line)
        return found

    yield run
    ours.forget_containers()


def test_it_finds_an_engine(ask) -> None:
    found = ask(
        """
        tell api: Docker.version["ApiVersion"], driver: Docker.info["Driver"]
        """
    )

    assert found["api"] == "1.47"
    assert found["driver"]


def test_a_container_lives_and_is_talked_to(ask) -> None:
    found = ask(
        """
        made = Docker::Container.create("name" => "rb1", "Image" => IMAGE,
          "Cmd" => ["sleep", "1000"], "Labels" => {"by" => "ruby"})
        made.start
        out, err, code = made.exec(["sh", "-c", "echo out; echo err >&2; exit 4"])
        tell out: out, err: err, code: code
        tell typed: made.exec(["cat"], stdin: StringIO.new("typed"))[0]
        tell running: Docker::Container.get("rb1").json["State"]["Running"]
        listed = Docker::Container.all(filters: {label: ["by=ruby"]}.to_json)
        tell listed: listed.map { |each| each.info["Names"] }, top: made.top.length
        made.pause
        tell paused: made.json["State"]["Status"]
        made.unpause
        made.rename("rb2")
        made.store_file("/note", "kept")
        tell read: made.read_file("/note")
        tell changes: made.changes.map { |each| each["Path"] }
        made.kill
        tell ended: made.wait(20)["StatusCode"]
        made.remove(v: true)
        begin
          Docker::Container.get("rb2")
        rescue Docker::Error::NotFoundError => error
          tell missing: error.message
        end
        """
    )

    assert (found["out"], found["err"], found["code"]) == (["out\n"], ["err\n"], 4)
    assert found["typed"] == ["typed"]
    assert found["running"] is True
    assert (found["listed"], found["top"]) == ([["/rb1"]], 1)
    assert found["paused"] == "paused"
    assert found["read"] == "kept"
    assert "/note" in found["changes"]
    assert found["ended"] == 137
    assert "No such container: rb2" in found["missing"]


def test_output_and_input_go_through_an_attachment(ask) -> None:
    found = ask(
        """
        made = Docker::Container.create("Image" => IMAGE, "Cmd" => ["cat"],
          "OpenStdin" => true, "StdinOnce" => true, "AttachStdin" => true)
        out, _ = made.tap(&:start).attach(stdin: StringIO.new("through\\n"))
        tell out: out, code: made.wait(20)["StatusCode"], logs: made.logs(stdout: true)
        made.remove
        """
    )

    assert (found["out"], found["code"]) == (["through\n"], 0)
    assert "through" in found["logs"]


def test_images_are_made_named_and_removed(ask) -> None:
    found = ask(
        """
        lines = "FROM " + IMAGE + "\\nRUN echo built > /built\\nLABEL by=ruby\\n"
        built = Docker::Image.build(lines)
        built.tag("repo" => "ruby/made", "tag" => "1", "force" => true)
        tell tags: Docker::Image.get("ruby/made:1").info["RepoTags"]
        tell history: built.history.length, there: Docker::Image.exist?("ruby/made:1")
        ran = Docker::Container.create("Image" => "ruby/made:1", "Cmd" => ["cat", "/built"])
        ran.start
        ran.wait(20)
        tell said: ran.logs(stdout: true)
        made = ran.commit("repo" => "ruby/committed")
        tell committed: made.id.length
        ran.remove
        [made, Docker::Image.get("ruby/made:1")].each { |each| each.remove(force: true) }
        tell gone: Docker::Image.exist?("ruby/made:1")
        """
    )

    assert found["tags"] == ["ruby/made:1"]
    assert found["history"] >= 3
    assert found["there"] is True
    assert "built" in found["said"]
    assert found["committed"] > 10
    assert found["gone"] is False


def test_volumes_and_networks(ask) -> None:
    found = ask(
        """
        volume = Docker::Volume.create("ruby-data")
        tell volumes: Docker::Volume.all.map { |each| each.info["Name"] }
        volume.remove
        network = Docker::Network.create("ruby-net")
        made = Docker::Container.create("Image" => IMAGE, "Cmd" => ["sleep", "1000"])
        made.start
        network.connect(made.id)
        tell within: network.json["Containers"].keys == [made.id]
        network.disconnect(made.id)
        made.remove(force: true)
        network.remove
        tell networks: Docker::Network.all.map { |each| each.info["Name"] }
        """
    )

    assert "ruby-data" in found["volumes"]
    assert found["within"] is True
    assert "ruby-net" not in found["networks"]
    assert {"bridge", "host", "none"} <= set(found["networks"])
