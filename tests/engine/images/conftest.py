from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.system.paths import EnginePaths
from tests.support.registry import FakeRegistry, serving
from tests.support.world import Sink, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
