"""Where the parts of the check meet."""

from __future__ import annotations

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


def make_checker(
    *,
    database: Database,
    images: ImageStore,
    store: Store,
    snapshotter: Snapshotter,
    unpacker: Unpacker,
    source: LayerSource,
    leases: Leases,
    locks: Locks,
    collector: Collector,
    connect: Connect,
    containers: Containers,
    bundles: Bundles,
    volumes: Volumes,
) -> Checker:
    """Return what checks one engine root, over its parts; for one check."""

    def running_on(chain_id: ChainID) -> tuple[str, ...]:
        stacks = {str(image.id) for image in images.list_with_layer(chain_id)}
        running = (each for each in containers.list() if each.is_running)
        return tuple(each.name for each in running if str(each.image_id) in stacks)

    return Checker(
        blobs=BlobCheck(
            database=database,
            images=images,
            store=store,
            leases=leases,
            collector=collector,
            fetcher=Fetcher(images, store, connect),
        ),
        layers=LayerCheck(
            database=database,
            images=images,
            snapshotter=snapshotter,
            leases=leases,
            collector=collector,
            restorer=Restorer(images, source, unpacker, running_on),
        ),
        records=RecordCheck(images),
        containers=ContainerCheck(
            containers=containers,
            bundles=bundles,
            images=images,
            snapshotter=snapshotter,
            locks=locks,
        ),
        volumes=VolumeCheck(volumes),
    )
