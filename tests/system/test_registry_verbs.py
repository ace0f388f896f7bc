"""The verbs of the engine's command that speak to registries, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.__main__ import main
from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.builders import directory, file, layer_tar
from tests.support.dockerapi import serving as answering
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.root


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as registry:
        tar = layer_tar(directory("etc"), file("etc/motd", b"welcome\n"))
        registry.put_image("team/web", pack_image(tar), tag="1")
        yield registry


@pytest.fixture
def do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    places = ("--root", f"{tmp_path}/root", "--run", f"{tmp_path}/run")

    def do(*words: str) -> str:
        code = main([*places, *words])
        written = capsys.readouterr()
        assert code == 0, written.err
        return written.out

    return do


def test_an_image_is_pulled_and_pushed_back(do: Callable[..., str], registry: FakeRegistry) -> None:
    name = str(registry.reference("team/web:1"))
    digest = do("pull", name).split()[1]
    registry.manifests.clear()

    assert do("push", name).split()[1] == digest
    assert ("team/web", "1") in registry.manifests


def test_an_image_is_copied_and_found(do: Callable[..., str], registry: FakeRegistry) -> None:
    source, target = (str(registry.reference(f"team/{each}")) for each in ("web:1", "copy:2"))

    assert do("copy", source, target).split()[0] == target
    assert do("tags", target) == "2\n"
    assert do("search", "copy", "--registry", registry.host).split()[0] == "team/copy"


def test_a_sync_says_where_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ("--root", f"{tmp_path}/root", "--run", f"{tmp_path}/run")

    assert main([*places, "sync", "web:1"]) == 1
    assert "--to" in capsys.readouterr().err


def test_every_tag_is_pulled(do: Callable[..., str], registry: FakeRegistry) -> None:
    registry.put_image("team/web", pack_image(layer_tar(directory("var"))), tag="2")

    assert len(do("pull-all", f"{registry.host}/team/web").splitlines()) == 2
    assert [line.split()[0] for line in sorted(do("images").splitlines())] == [
        f"{registry.host}/team/web:{tag}" for tag in ("1", "2")
    ]


def test_docker_pulls_every_tag_where_it_names_none(
    registry: FakeRegistry, short_path: Path
) -> None:
    registry.put_image("team/web", pack_image(layer_tar(directory("var"))), tag="2")
    with (
        Engine.open(EnginePaths(short_path / "root", short_path / "run")) as engine,
        answering(engine, short_path / "docker.sock") as api,
    ):
        answer = api.post(f"/images/create?fromImage={registry.host}/team/web")

        assert answer.status == 200
        assert sorted(tag.tag or "" for image in engine.images.list() for tag in image.tags) == [
            "1",
            "2",
        ]
