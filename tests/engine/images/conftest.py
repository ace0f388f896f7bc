from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.system.paths import EnginePaths
from tests.support.images import PackedImage, pack_image
from tests.support.pulls import LOWER, UPPER
from tests.support.registry import FakeRegistry, serving
from tests.support.world import Sink, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.oci.reference import Reference


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def paths(tmp_path: Path) -> EnginePaths:
    return EnginePaths(tmp_path / "root", tmp_path / "run")


@pytest.fixture
def world(paths: EnginePaths, registry: FakeRegistry) -> Iterator[World]:
    world = World(paths)
    yield world
    world.close()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def image() -> PackedImage:
    return pack_image(LOWER, UPPER)


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image)
