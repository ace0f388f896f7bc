"""What happens is told of by our engine as by a real dockerd: the same events, word for word."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.docker_cli import IMAGE
from tests.support.dockerapi import Client

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root


def test_who_looks_and_who_saves_is_told_of(both: tuple[DockerCli, DockerCli]) -> None:
    wanted = {"top", "resize", "save", "load"}
    told = []
    for cli in both:
        since = f"{time.time():.3f}"
        made = cli.ok("run", "-d", "--name", "ev-told", "--label", "a=b", IMAGE, "sleep", "1000")
        cli.ok("top", "ev-told")
        resized = Client(cli.socket).post("/containers/ev-told/resize?h=10&w=20")
        cli.ok("load", stdin=_saved(cli))
        cli.ok("rm", "-f", "ev-told")
        soon = f"{time.time() + 1:.3f}"
        lines = cli.ok("events", "--since", since, "--until", soon, "--format", "{{json .}}")
        events = [json.loads(each) for each in lines.splitlines()]
        image = cli.ok("image", "inspect", "-f", "{{.Id}}", IMAGE)
        assert resized.status == 200
        told.append(
            [
                json.dumps(each["Actor"] | {"action": each["Action"]}, sort_keys=True)
                .replace(made, "<container>")
                .replace(image, "<image>")
                for each in events
                if each["Action"] in wanted
            ]
        )

    assert told[0] == told[1]
    assert len(told[0]) == 4


def _saved(cli: DockerCli) -> bytes:
    saved = subprocess.run(
        ["docker", "save", IMAGE], env=cli.environment, capture_output=True, check=True
    )
    return saved.stdout


def test_events_of_images_are_told_alike(both: tuple[DockerCli, DockerCli]) -> None:
    wanted = ["--filter", "type=image", "--format", "{{json .}}"]
    told = []
    for cli in both:
        cli.ok("tag", IMAGE, "ev-told:1")
        cli.ok("rmi", "ev-told:1")
        image = cli.ok("image", "inspect", "-f", "{{.Id}}", IMAGE)
        soon = f"{time.time() + 1:.3f}"
        lines = cli.ok("events", "--since", "1m", "--until", soon, *wanted).splitlines()
        events = [json.loads(each) for each in lines]
        told.append(
            [
                (each["Action"], each["Actor"]["Attributes"]["name"].replace(image, "<image>"))
                for each in events
                if each["Actor"]["ID"] == image and each["Action"] in {"tag", "untag"}
            ][-2:]
        )

    assert told[0] == told[1]
    assert told[0] == [("tag", "ev-told:1"), ("untag", "<image>")]


def test_commands_are_told_of_with_a_blank_behind_their_name(
    both: tuple[DockerCli, DockerCli],
) -> None:
    told = []
    for cli in both:
        since = f"{time.time():.3f}"
        cli.ok("run", "-d", "--name", "ev-told", IMAGE, "sleep", "1000")
        cli.ok("exec", "ev-told", "true")
        cli.ok("exec", "ev-told", "echo", "a b", "c")
        told.append([each["Action"] for each in _events(cli, since) if "exec_" in each["Action"]])
        cli.ok("rm", "-f", "ev-told")

    assert told[0] == told[1]
    assert told[0][:3] == ["exec_create: true ", "exec_start: true ", "exec_die"]


def test_a_commit_tells_what_it_made_and_its_name(both: tuple[DockerCli, DockerCli]) -> None:
    told = []
    for cli in both:
        since = f"{time.time():.3f}"
        cli.ok("create", "--name", "ev-told", IMAGE)
        cli.ok("commit", "-m", "hi", "ev-told", "test/ev-told:1")
        cli.ok("commit", "ev-told")
        attributes = [
            each["Actor"]["Attributes"]
            for each in _events(cli, since)
            if each["Action"] == "commit"
        ]
        told.append(re.sub("[0-9a-f]{64}", "<id>", json.dumps(attributes, sort_keys=True)))
        cli.ok("rm", "ev-told")
        cli.ok("rmi", *(each["imageID"] for each in attributes))

    assert told[0] == told[1]
    assert '"imageRef": "test/ev-told:1"' in told[0]
    assert '"imageRef": ""' in told[0]


def _events(cli: DockerCli, since: str) -> list[dict[str, Any]]:
    soon = f"{time.time() + 0.1:.3f}"
    lines = cli.ok("events", "--since", since, "--until", soon, "--format", "{{json .}}")
    return [json.loads(each) for each in lines.splitlines()]
