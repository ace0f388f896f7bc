from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.paths import EnginePaths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def paths(tmp_path: Path) -> EnginePaths:
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    paths.ensure()
    return paths


@pytest.fixture
def database(paths: EnginePaths) -> Iterator[Database]:
    database = Database(paths.database, [SCHEMA])
    yield database
    database.close()
