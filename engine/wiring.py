"""
How the parts of an engine are wired: the one place that knows all of them.

`lay_ground` opens what several nouns stand on; each `wire_…` puts one noun together over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import events, leases
from engine.build import cache as build_cache
from engine.build.assembly import open_builds
from engine.build.running import ContainerRunner
from engine.check.wiring import make_checker
from engine.cleanup import plan_store
from engine.containers import mounting
from engine.containers import schema as containers_schema
from engine.containers.bundle import Bundles
from engine.containers.containers import Containers, open_containers
from engine.content.local import LocalStore
from engine.events import EventLog
from engine.images import places
from engine.images import schema as images_schema
from engine.images.add import Adder
from engine.images.copy import Copier
from engine.images.derive import Deriver
from engine.images.files import LayerFiles
from engine.images.gc import Collector
from engine.images.images import Images
from engine.images.import_tar import Importer
from engine.images.layer_bytes import LayerBytes
from engine.images.load import Loader
from engine.images.places import BlobPlaces
from engine.images.pull import REGISTRY, Puller
from engine.images.pull_all import AllTagsPuller
from engine.images.push import Pusher
from engine.images.remove import Remover
from engine.images.save import Saver
from engine.images.starter import StarterMaker
from engine.images.store import ImageStore
from engine.images.sync_receive import Receiver
from engine.images.sync_send import Sender
from engine.images.trash import ImageTrash
from engine.images.unpack import Unpacker
from engine.layers.index import find_index
from engine.leases import Leases
from engine.ledger import changes as ledger_changes
from engine.networks import schema as networks_schema
from engine.networks.assembly import linux_host, open_networks
from engine.snapshots import store as snapshots_store
from engine.snapshots.choice import open_snapshotter
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.volumes import schema as volumes_schema
from engine.volumes.assembly import open_volumes

if TYPE_CHECKING:
    from engine.build.builds import Builds
    from engine.check.checker import Checker
    from engine.content.store import Store
    from engine.images.ports import ImageHolders
    from engine.images.pull import Connect
    from engine.networks.networks import NetworkMeans
    from engine.registry.connector import RegistryConnector
    from engine.registry.download import UrlDownloads
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.paths import EnginePaths
    from engine.volumes.volumes import Volumes

SCHEMAS = (
    events.SCHEMA,
    leases.SCHEMA,
    snapshots_store.SCHEMA,
    images_schema.SCHEMA,
    places.SCHEMA,
    networks_schema.SCHEMA,
    volumes_schema.SCHEMA,
    mounting.SCHEMA,
    containers_schema.SCHEMA,
    build_cache.SCHEMA,
    plan_store.SCHEMA,
    # Last: it follows the tables of the others.
    ledger_changes.SCHEMA,
)


@dataclass(frozen=True)
class Ground:
    """What several nouns stand on."""

    paths: EnginePaths
    database: Database
    events: EventLog
    locks: Locks
    leases: Leases
    content: Store
    snapshotter: Snapshotter
    images: ImageStore
    networks: NetworkMeans
    volumes: Volumes
    clock: Clock


def lay_ground(paths: EnginePaths, clock: Clock) -> Ground:
    """Open what several nouns stand on, making it where it is not there."""
    paths.ensure()
    database = Database(paths.database, SCHEMAS)
    event_log = EventLog(database, paths.events, clock)
    locks = Locks(paths.locks)
    return Ground(
        paths=paths,
        database=database,
        events=event_log,
        locks=locks,
        leases=Leases(database, locks),
        content=LocalStore(paths.content, locks),
        snapshotter=open_snapshotter(paths, database),
        images=ImageStore(database, event_log, clock),
        networks=open_networks(
            paths,
            database=database,
            events=event_log,
            clock=clock,
            locks=locks,
            host=linux_host(paths),
        ),
        volumes=open_volumes(
            paths,
            database=database,
            events=event_log,
            clock=clock,
            locks=locks,
            mounter=LinuxMounter(),
        ),
        clock=clock,
    )


def wire_containers(ground: Ground) -> Containers:
    """Return the containers of an engine."""
    return open_containers(
        paths=ground.paths,
        database=ground.database,
        events=ground.events,
        locks=ground.locks,
        snapshotter=ground.snapshotter,
        images=ground.images,
        deriver=_wire_deriver(ground),
        networks=ground.networks,
        volumes=ground.volumes,
        clock=ground.clock,
    )


def wire_builds(
    ground: Ground, containers: Containers, images: Images, downloads: UrlDownloads
) -> Builds:
    """Return the builds of an engine."""
    return open_builds(
        paths=ground.paths,
        database=ground.database,
        images=ground.images,
        source=images,
        store=ground.content,
        snapshotter=ground.snapshotter,
        unpacker=Unpacker(ground.snapshotter, ground.locks),
        runner=ContainerRunner(containers.oneshots()),
        downloads=downloads,
        leases=ground.leases,
        collector=wire_collector(ground),
        locks=ground.locks,
        clock=ground.clock,
    )


def wire_images(ground: Ground, holders: ImageHolders, connect: RegistryConnector) -> Images:
    """Return the images of an engine; *holders* know which of them have to stay."""
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    collector = wire_collector(ground)
    puller = _wire_puller(ground, unpacker, collector, connect)
    return Images(
        store=ground.images,
        puller=puller,
        all_tags_puller=AllTagsPuller(puller=puller, connect=connect),
        pusher=_wire_pusher(ground, connect),
        copier=Copier(connect=connect, places=BlobPlaces(ground.database, ground.clock)),
        sender=_wire_sender(ground),
        receiver=Receiver(
            lambda source: _wire_puller(ground, unpacker, collector, source, kind="sync")
        ),
        remover=_wire_remover(ground, collector, holders),
        saver=_wire_saver(ground),
        loader=_wire_loader(ground, unpacker, collector),
        importer=_wire_importer(ground, unpacker, collector),
        files=_wire_files(ground),
        collector=collector,
        make_starter=StarterMaker(_wire_adder(ground, unpacker, collector)),
    )


def wire_image_trash(ground: Ground, containers: Containers) -> ImageTrash:
    """Return the trash of an engine's images."""
    return ImageTrash(
        database=ground.database,
        images=ground.images,
        users=containers,
        collector=wire_collector(ground),
        clock=ground.clock,
    )


def wire_collector(ground: Ground) -> Collector:
    """Return what takes away what no image needs."""
    return Collector(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        locks=ground.locks,
        clock=ground.clock,
    )


def _wire_adder(ground: Ground, unpacker: Unpacker, collector: Collector) -> Adder:
    return Adder(
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
    )


def _wire_pusher(ground: Ground, connect: RegistryConnector) -> Pusher:
    return Pusher(
        connect=connect,
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
        places=BlobPlaces(ground.database, ground.clock),
    )


def _wire_sender(ground: Ground) -> Sender:
    return Sender(
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
    )


def _layer_bytes(ground: Ground) -> LayerBytes:
    return LayerBytes(
        ground.images, ground.content, ground.snapshotter, spools=ground.paths.content
    )


def _wire_saver(ground: Ground) -> Saver:
    return Saver(
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
    )


def _wire_loader(ground: Ground, unpacker: Unpacker, collector: Collector) -> Loader:
    return Loader(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
        spools=ground.paths.content,
    )


def _wire_files(ground: Ground) -> LayerFiles:
    return LayerFiles(
        ground.images,
        lambda chain_id: find_index(ground.snapshotter.notes(str(chain_id))),
        ground.snapshotter.own_directory,
    )


def _wire_importer(ground: Ground, unpacker: Unpacker, collector: Collector) -> Importer:
    return Importer(_wire_adder(ground, unpacker, collector), ground.clock)


def _wire_deriver(ground: Ground) -> Deriver:
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    adder = _wire_adder(ground, unpacker, wire_collector(ground))
    return Deriver(ground.images, adder, ground.clock)


def _wire_puller(
    ground: Ground,
    unpacker: Unpacker,
    collector: Collector,
    connect: Connect,
    *,
    kind: str = REGISTRY,
) -> Puller:
    return Puller(
        connect=connect,
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
        source=kind,
    )


def wire_checker(ground: Ground, containers: Containers, connect: RegistryConnector) -> Checker:
    """Return what holds the disk against the records."""
    return make_checker(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshotter=ground.snapshotter,
        unpacker=Unpacker(ground.snapshotter, ground.locks),
        source=_layer_bytes(ground),
        leases=ground.leases,
        locks=ground.locks,
        collector=wire_collector(ground),
        connect=connect,
        containers=containers,
        bundles=Bundles(ground.paths),
        volumes=ground.volumes,
    )


def _wire_remover(ground: Ground, collector: Collector, holders: ImageHolders) -> Remover:
    return Remover(
        database=ground.database,
        images=ground.images,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        holders=holders,
        collector=collector,
    )
