"""Pulls that break, are cancelled, are gone on from, or go on beside others."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from engine.content.local import LocalStore
from engine.errors import OutOfSpace, RegistryError
from engine.images.resources import layer_resource
from engine.oci.digest import Digest
from engine.progress import Cancellation, Cancelled, LayerProgress, LayerStatus
from engine.system.paths import EnginePaths
from tests.support.images import PackedImage, pack_image
from tests.support.pulls import LOWER, assert_nothing_is_here
from tests.support.registry import FakeRegistry, Reply
from tests.support.world import Sink, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.oci.reference import Reference
    from engine.progress import ProgressEvent


def test_a_broken_connection_is_gone_on_from(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.drop(Digest.of(image.layers[0]), after=100_000)

    pulled = world.puller.pull(web)

    assert pulled.fetched_bytes == sum(map(len, image.layers))
    ranges = [each.headers.get("range", "") for each in registry.requests_for("/blobs/")]
    assert any(each.startswith("bytes=") for each in ranges)


@pytest.fixture
def failing_at_half(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> Digest:
    """Let a pull give up halfway through the lowest layer; returns that layer's digest."""
    digest = Digest.of(image.layers[0])
    half = Reply(body=image.layers[0], drop_after=len(image.layers[0]) // 2)
    registry.fail(str(digest), half, Reply(418))
    with pytest.raises(RegistryError):
        world.puller.pull(web)
    return digest


def test_the_next_pull_goes_on_where_one_broke(
    world: World,
    registry: FakeRegistry,
    web: Reference,
    image: PackedImage,
    failing_at_half: Digest,
) -> None:
    assert world.images.list_all() == []
    registry.received.clear()

    pulled = world.puller.pull(web)

    wanted = registry.requests_for(str(failing_at_half))[0].headers["range"]
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    assert 0 < start < len(image.layers[0])
    assert pulled.fetched_bytes <= sum(map(len, image.layers)) - start
    assert pulled.image.id == Digest.of(image.config)


class CancellingSink(Sink):
    """Asks to stop as soon as a layer has got so far."""

    def __init__(self, cancellation: Cancellation, status: LayerStatus) -> None:
        super().__init__()
        self._cancellation = cancellation
        self._status = status

    def emit(self, event: ProgressEvent) -> None:
        super().emit(event)
        is_reached = isinstance(event, LayerProgress) and event.status is self._status
        if is_reached and event.current:
            self._cancellation.cancel()


@pytest.mark.parametrize(
    "status", [LayerStatus.DOWNLOADING, LayerStatus.DOWNLOADED, LayerStatus.EXTRACTING]
)
def test_a_cancelled_pull_shows_nothing_and_can_be_gone_on_from(
    world: World, web: Reference, image: PackedImage, status: LayerStatus
) -> None:
    cancellation = Cancellation()

    with pytest.raises(Cancelled):
        world.puller.pull(
            web,
            progress=CancellingSink(cancellation, status),
            cancellation=cancellation,
        )

    assert world.images.list_all() == []
    assert world.list_events() == []
    assert world.store.blob_bytes() > 0
    assert world.puller.pull(web).fetched_bytes < sum(map(len, image.layers))


def test_a_pull_can_be_cancelled_while_the_registry_is_slow(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    gate = threading.Event()
    cancellation = Cancellation()
    blob = image.layers[0]
    registry.always(str(Digest.of(blob)), Reply(body=blob, gate=gate))

    def stop(event: ProgressEvent) -> None:
        if isinstance(event, LayerProgress) and event.status is LayerStatus.DOWNLOADING:
            cancellation.cancel()
            gate.set()

    sink = Sink()
    sink.emit = stop  # type: ignore[method-assign]

    with pytest.raises(Cancelled):
        world.puller.pull(web, progress=sink, cancellation=cancellation)

    assert world.images.list_all() == []


@pytest.fixture
def neighbour(world: World) -> Iterator[World]:
    """Another process, as far as locks and records can tell."""
    neighbour = World(world.paths, layers=world.layers)
    yield neighbour
    neighbour.close()


def test_two_pulls_of_one_image_share_each_download(
    world: World, neighbour: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    gate = threading.Event()
    for blob in image.layers:
        registry.fail(str(Digest.of(blob)), Reply(body=blob, gate=gate))
    results = []

    def pull(one: World) -> None:
        results.append(one.puller.pull(web))

    threads = [threading.Thread(target=pull, args=(each,)) for each in (world, neighbour)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()

    assert sum(result.fetched_bytes for result in results) == sum(map(len, image.layers))
    assert len(registry.requests_for(str(Digest.of(image.layers[0])))) == 1
    assert len({result.image.id for result in results}) == 1
    assert len(world.images.list_all()) == 1
    assert {blob.digest for blob in world.store.iter_blobs()} == {
        Digest.of(image.config),
        image.digest,
        *map(Digest.of, image.layers),
    }


def test_a_sweep_beside_a_pull_takes_nothing_from_it(
    world: World, web: Reference, image: PackedImage
) -> None:
    class SweepingSink(Sink):
        def emit(self, event: ProgressEvent) -> None:
            super().emit(event)
            world.collector.sweep(keep_for=world.clock.time - world.clock.time)

    pulled = world.puller.pull(web, progress=SweepingSink())

    assert all(world.layers.find(str(layer.chain_id)) for layer in pulled.image.layers)
    assert world.store.has(image.digest)


def test_a_removal_beside_a_pull_leaves_its_layers(
    world: World, registry: FakeRegistry, web: Reference
) -> None:
    world.puller.pull(web)
    newer = registry.put_image("team/newer", pack_image(LOWER, b"newer"))

    class RemovingSink(Sink):
        def emit(self, event: ProgressEvent) -> None:
            is_known = isinstance(event, LayerProgress) and event.status is LayerStatus.EXISTS
            if is_known:
                world.remover.remove(str(web))
            super().emit(event)

    pulled = world.puller.pull(newer, progress=RemovingSink())

    assert [image.id for image in world.images.list_all()] == [pulled.image.id]
    assert all(world.layers.find(str(layer.chain_id)) for layer in pulled.image.layers)


def test_no_lease_is_left(world: World, web: Reference) -> None:
    pulled = world.puller.pull(web)

    with world.database.write() as transaction:
        leased = world.leases.leased(transaction)
    assert layer_resource(pulled.image.layers[0].chain_id) not in leased
    assert leased == frozenset()


@pytest.mark.root
def test_a_full_disk_leaves_nothing_here(tmp_path: Path, registry: FakeRegistry) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        world = World(EnginePaths(tmp_path / "root", tmp_path / "run"))
        world.store = LocalStore(disk, world.locks)
        world.collector._store = world.puller._store = world.layers._store = world.store
        reference = registry.put_image(
            "team/large", pack_image(os.urandom(900_000), os.urandom(900_000))
        )

        with pytest.raises(OutOfSpace):
            world.puller.pull(reference)

        assert_nothing_is_here(world)
        assert world.puller.pull(registry.put_image("team/small", pack_image(b"small"))).is_new
        world.close()
    finally:
        subprocess.run(["umount", disk], check=True)
