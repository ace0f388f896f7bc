"""Containers with a keeper, whose clock the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.containers.keeper import Keeper
from tests.support.containers import Yard, fake_yard
from tests.support.keeping import ShiftedClock


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def yard(tmp_path: Path, clock: ShiftedClock) -> Iterator[Yard]:
    made = fake_yard(tmp_path, clock)
    yield made
    made.fake_host.hang_up()


@pytest.fixture
def keeper(yard: Yard) -> Keeper:
    return yard.containers.keeper()
