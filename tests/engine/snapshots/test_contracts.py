from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from tests.contracts.snapshotter import SnapshotterContract
from tests.support.fakes_snapshots import FakeSnapshotter

if TYPE_CHECKING:
    from pathlib import Path

    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.database import Database
    from engine.system.paths import EnginePaths


class TestFakeSnapshotter(SnapshotterContract):
    @pytest.fixture
    def snapshotter(self, tmp_path: Path) -> Snapshotter:
        return FakeSnapshotter(tmp_path)


class TestOverlaySnapshotter(SnapshotterContract):
    @pytest.fixture
    def snapshotter(self, paths: EnginePaths, database: Database) -> Snapshotter:
        return OverlaySnapshotter(paths.snapshots, database, trash=paths.trash)


class TestNativeSnapshotter(SnapshotterContract):
    @pytest.fixture
    def snapshotter(self, paths: EnginePaths, database: Database) -> Snapshotter:
        return NativeSnapshotter(paths.snapshots, database, trash=paths.trash)
