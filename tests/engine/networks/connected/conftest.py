"""Containers in networks of the kernel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.networks.networks import Networks
from tests.support.containers import Yard, clear_away, real_yard
from tests.support.other_hosts import OtherHost


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = real_yard(tmp_path)
    yield made
    clear_away(made)
    made.means.networks.plane.dismantle()


@pytest.fixture
def networks(yard: Yard) -> Networks:
    return Networks(yard.means.networks, yard.containers)


@pytest.fixture
def other_host() -> Iterator[OtherHost]:
    with OtherHost.joined() as made:
        yield made
