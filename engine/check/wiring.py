"""Where the parts of the check meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.check.blobs import BlobCheck
from engine.check.checker import Checker
from engine.check.containers import ContainerCheck
from engine.check.fetching import Fetcher
from engine.check.layers import LayerCheck
from engine.check.records import RecordCheck
from engine.check.restoring import Restorer
from engine.check.volumes import VolumeCheck

if TYPE_CHECKING:
    from engine.check.containers import Containers
    from engine.containers.bundle import Bundles
    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.ports import LayerSource
    from engine.images.store import ImageStore
    from engine.images.unpack import Unpacker
    from engine.leases import Leases
    from engine.oci.digest import ChainID
    from engine.registry.registries import Connect
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.volumes.volumes import Volumes


@dataclass(frozen=True)
class Means:
    """What a check of one engine root stands on."""

    database: Database
    images: ImageStore
    store: Store
    snapshotter: Snapshotter
    unpacker: Unpacker
    source: LayerSource
    leases: Leases
    locks: Locks
    collector: Collector
    connect: Connect
    containers: Containers
    bundles: Bundles
    volumes: Volumes

    def running_on(self, chain_id: ChainID) -> tuple[str, ...]:
        """Return the names of the running containers whose image has the layer *chain_id*."""
        stacks = {str(image.id) for image in self.images.list_with_layer(chain_id)}
        running = (each for each in self.containers.list() if each.is_running)
        return tuple(each.name for each in running if str(each.image_id) in stacks)


def make_checker(means: Means) -> Checker:
    """Return what checks one engine root; for one check."""
    return Checker(
        blobs=_check_of_blobs(means),
        layers=_check_of_layers(means),
        records=RecordCheck(means.images),
        containers=_check_of_containers(means),
        volumes=VolumeCheck(means.volumes),
    )


def _check_of_blobs(means: Means) -> BlobCheck:
    return BlobCheck(
        database=means.database,
        images=means.images,
        store=means.store,
        leases=means.leases,
        collector=means.collector,
        fetcher=Fetcher(means.images, means.store, means.connect),
    )


def _check_of_layers(means: Means) -> LayerCheck:
    return LayerCheck(
        database=means.database,
        images=means.images,
        snapshotter=means.snapshotter,
        leases=means.leases,
        collector=means.collector,
        restorer=Restorer(means.images, means.source, means.unpacker, means.running_on),
    )


def _check_of_containers(means: Means) -> ContainerCheck:
    return ContainerCheck(
        containers=means.containers,
        bundles=means.bundles,
        images=means.images,
        snapshotter=means.snapshotter,
        locks=means.locks,
    )
