"""Containers of the real kernel."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Yard, clear_away, real_yard
from tests.support.real_containers import remains_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def yard() -> Iterator[Yard]:
    root = Path(tempfile.mkdtemp(prefix="yard-"))
    made = real_yard(root)
    yield made
    ids = [each.id for each in made.means.store.list_all()]
    clear_away(made)
    remains = made.leftovers() + remains_of(ids)
    made.means.database.close()
    shutil.rmtree(root)
    assert remains == []
