"""Unpacking with each way to keep snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.images.unpack import Unpacker
from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from tests.support.fakes import FakeStore
from tests.support.unpacking import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["overlay", "native"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    paths.ensure()
    database = Database(paths.database, [SCHEMA])
    kinds = {"overlay": OverlaySnapshotter, "native": NativeSnapshotter}
    snapshotter = kinds[request.param](paths.snapshots, database, trash=paths.trash)
    store, locks = FakeStore(), Locks(paths.locks)
    yield World(store, snapshotter, Unpacker(snapshotter, locks), locks, tmp_path)
    database.close()
