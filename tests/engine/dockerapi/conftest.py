from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.dockerapi import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    """An engine that copies layers, so that nothing needs the kernel's overlayfs."""
    root = short_path / "root"
    root.mkdir()
    (root / "snapshotter").write_text("native")
    with Engine.open(EnginePaths(root, short_path / "run")) as engine:
        yield engine


@pytest.fixture
def api(engine: Engine, short_path: Path) -> Iterator[Client]:
    with serving(engine, short_path / "docker.sock") as client:
        yield client
