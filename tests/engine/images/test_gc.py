from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.images.resources import blob_resource, layer_resource
from engine.oci.digest import ChainID, Digest
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from tests.support.world import World

LOOSE = ChainID(Digest.of(b"loose"))
UPPER = ChainID(Digest.of(b"upper"))
PART = Digest.of(b"a whole blob")


@pytest.fixture(autouse=True)
def _a_day_and_a_bit_later(world: World) -> None:
    world.clock.time = SYSTEM_CLOCK.now() + timedelta(hours=25)


def leave_part(world: World) -> None:
    with world.store.ingest(PART, 12) as ingest:
        ingest.write(b"a whole")


def test_what_an_image_needs_is_kept(world: World) -> None:
    world.add(b"base", b"web")
    before = world.disk_bytes

    swept = world.collector.sweep()

    assert (swept.blobs, swept.layers, swept.freed_bytes) == (0, 0, 0)
    assert world.disk_bytes == before


def test_what_nothing_needs_goes(world: World) -> None:
    world.layers.put(LOOSE, parent=None, size=4096)
    world.layers.put(UPPER, parent=LOOSE, size=8192)
    world.store.put(b"a blob of a broken pull")
    leave_part(world)
    before = world.disk_bytes

    swept = world.collector.sweep()

    assert (swept.blobs, swept.layers) == (1, 2)
    assert swept.freed_bytes == before
    assert world.disk_bytes == 0


def test_what_is_young_stays_to_be_gone_on_from(world: World) -> None:
    world.clock.time = SYSTEM_CLOCK.now()
    blob = world.store.put(b"a blob of a broken pull")
    leave_part(world)

    assert world.collector.sweep().freed_bytes == 0

    assert world.store.has(blob)
    with world.store.ingest(PART, 12) as ingest:
        assert ingest.offset == 7


def test_what_is_leased_stays(world: World) -> None:
    world.layers.put(LOOSE, parent=None, size=4096)
    blob = world.store.put(b"a blob of a pull at work")

    with world.leases.held() as lease:
        lease.add(blob_resource(blob), layer_resource(LOOSE))

        assert world.collector.sweep().freed_bytes == 0
        assert world.collector.collect_blobs([blob]) == 0
        assert world.collector.collect_layers([LOOSE]) == 0

    assert world.collector.sweep().freed_bytes > 4096


def test_a_layer_under_a_container_stays(world: World) -> None:
    world.layers.put(LOOSE, parent=None, size=4096)
    world.layers.hold("container", parent=LOOSE)

    assert world.collector.sweep().layers == 0
    assert world.layers.find("container") is not None


def test_a_second_sweep_finds_nothing(world: World) -> None:
    world.layers.put(LOOSE, parent=None, size=4096)
    world.collector.sweep()

    assert world.collector.sweep().freed_bytes == 0


def test_only_what_is_asked_for_is_collected(world: World) -> None:
    one, other = world.store.put(b"one"), world.store.put(b"other")

    assert world.collector.collect_blobs([one]) > 0

    assert world.store.has(other)
