"""What tests of pulls and copies share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.oci.platform import Platform

if TYPE_CHECKING:
    from tests.support.world import World

LOWER, UPPER = os.urandom(300_000), os.urandom(200_000)
ELSEWHERE = Platform("linux", "s390x")


def assert_nothing_is_here(world: World) -> None:
    assert world.images.list_all() == []
    assert world.list_events() == []
    assert list(world.layers.iter_snapshots()) == []
    assert world.disk_bytes == 0
