"""
The engine: its parts, wired; one object per noun, one method per verb.

`engine.images.pull(…)`, `engine.containers.start(…)`, `engine.cleanup.preview_dangling_images()`.
Opening one is cheap and takes nothing away from others that have the same root open; it is safe to
share between threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from engine import events, leases
from engine.build import cache as build_cache
from engine.build.assembly import open_builds
from engine.build.running import ContainerRunner
from engine.check.wiring import make_checker
from engine.cleanup.cleanup import Cleanup
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
from engine.images.unpack import Unpacker
from engine.layers.index import find_index
from engine.leases import Leases
from engine.ledger import DiskUsage, disk_usage
from engine.networks import schema as networks_schema
from engine.networks.assembly import linux_host, open_networks
from engine.networks.networks import NetworkMeans, Networks
from engine.progress import NEVER, SILENT
from engine.registry.certificates import Certificates
from engine.registry.connector import RegistryConnector
from engine.registry.dockerconfig import DockerConfig
from engine.registry.download import UrlDownloads
from engine.registry.registries import Registries
from engine.registry.transport import HttpTransport
from engine.registry.urls import Reach
from engine.snapshots import store as snapshots_store
from engine.snapshots.choice import open_snapshotter
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from engine.volumes import schema as volumes_schema
from engine.volumes.assembly import open_volumes

if TYPE_CHECKING:
    from types import TracebackType

    from engine.build.builds import Builds
    from engine.check.checker import Checker
    from engine.check.findings import Report
    from engine.content.store import Store
    from engine.images.ports import ImageHolders
    from engine.images.pull import Connect
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
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
)


@dataclass(frozen=True)
class Engine:
    """One open engine root."""

    paths: EnginePaths
    images: Images
    containers: Containers
    registries: Registries
    networks: Networks
    volumes: Volumes
    builds: Builds
    cleanup: Cleanup
    events: EventLog
    _ground: _Ground
    _connect: RegistryConnector
    _transport: HttpTransport

    @classmethod
    def open(
        cls,
        paths: EnginePaths | None = None,
        *,
        plain_http: frozenset[str] = frozenset(),
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """
        Open the engine root in *paths*, making it if it is not there.

        Registries in *plain_http*, besides loopback, are spoken to without TLS.
        """
        ground = _lay_ground(paths or EnginePaths(), clock)
        transport = HttpTransport(ground.paths.certificates)
        connect = RegistryConnector(
            transport,
            Reach(plain_http),
            certificates=Certificates(ground.paths.certificates),
            settings_file=ground.paths.registries,
            keychain=DockerConfig.of_user(),
        )
        containers = _wire_containers(ground)
        images = _wire_images(ground, containers, connect)
        return cls(
            paths=ground.paths,
            images=images,
            containers=containers,
            registries=Registries(connect),
            networks=Networks(ground.networks, containers),
            volumes=ground.volumes,
            builds=_wire_builds(ground, containers, images, UrlDownloads(transport)),
            cleanup=Cleanup(images, containers, clock),
            events=ground.events,
            _ground=ground,
            _connect=connect,
            _transport=transport,
        )

    def version(self) -> int:
        """Return a number that is another one after any change of a record, whoever made it."""
        return self._ground.database.version()

    def disk(self) -> DiskUsage:
        """Return what takes the disk now; writable layers are measured, the rest is recorded."""
        containers = self.containers.list()
        sizes = {each.id: self.containers.size(each.id) for each in containers}
        return disk_usage(self.images.list(), containers, writable_sizes=sizes)

    def reconcile(self) -> None:
        """
        Put right what a crash or a reboot left: settle exits, sweep what no record names.

        Safe at any time, beside everything else.
        """
        self.containers.reconcile()
        self.builds.sweep()
        self.images.sweep()
        self._ground.snapshotter.sweep()

    def check(
        self,
        *,
        repair: bool = False,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Report:
        """Hold everything on the disk against the records; see `Checker.check`."""
        checker = _make_checker(self._ground, self.containers, self._connect)
        return checker.check(repair=repair, progress=progress, cancellation=cancellation)

    def close(self) -> None:
        """Close the connections to database and registries; containers go on."""
        self._transport.close()
        self._ground.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class _Ground:
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


def _lay_ground(paths: EnginePaths, clock: Clock) -> _Ground:
    paths.ensure()
    database = Database(paths.database, SCHEMAS)
    event_log = EventLog(database, paths.events, clock)
    locks = Locks(paths.locks)
    return _Ground(
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


def _wire_containers(ground: _Ground) -> Containers:
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


def _wire_builds(
    ground: _Ground, containers: Containers, images: Images, downloads: UrlDownloads
) -> Builds:
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
        collector=_wire_collector(ground),
        locks=ground.locks,
        clock=ground.clock,
    )


def _wire_images(ground: _Ground, holders: ImageHolders, connect: RegistryConnector) -> Images:
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    collector = _wire_collector(ground)
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


def _wire_collector(ground: _Ground) -> Collector:
    return Collector(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        locks=ground.locks,
        clock=ground.clock,
    )


def _wire_adder(ground: _Ground, unpacker: Unpacker, collector: Collector) -> Adder:
    return Adder(
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
    )


def _wire_pusher(ground: _Ground, connect: RegistryConnector) -> Pusher:
    return Pusher(
        connect=connect,
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
        places=BlobPlaces(ground.database, ground.clock),
    )


def _wire_sender(ground: _Ground) -> Sender:
    return Sender(
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
    )


def _layer_bytes(ground: _Ground) -> LayerBytes:
    return LayerBytes(
        ground.images, ground.content, ground.snapshotter, spools=ground.paths.content
    )


def _wire_saver(ground: _Ground) -> Saver:
    return Saver(
        images=ground.images,
        store=ground.content,
        source=_layer_bytes(ground),
        leases=ground.leases,
    )


def _wire_loader(ground: _Ground, unpacker: Unpacker, collector: Collector) -> Loader:
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


def _wire_files(ground: _Ground) -> LayerFiles:
    return LayerFiles(
        ground.images,
        lambda chain_id: find_index(ground.snapshotter.notes(str(chain_id))),
        ground.snapshotter.own_directory,
    )


def _wire_importer(ground: _Ground, unpacker: Unpacker, collector: Collector) -> Importer:
    return Importer(_wire_adder(ground, unpacker, collector), ground.clock)


def _wire_deriver(ground: _Ground) -> Deriver:
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    adder = _wire_adder(ground, unpacker, _wire_collector(ground))
    return Deriver(ground.images, adder, ground.clock)


def _wire_puller(
    ground: _Ground,
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


def _make_checker(ground: _Ground, containers: Containers, connect: RegistryConnector) -> Checker:
    return make_checker(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshotter=ground.snapshotter,
        unpacker=Unpacker(ground.snapshotter, ground.locks),
        source=_layer_bytes(ground),
        leases=ground.leases,
        locks=ground.locks,
        collector=_wire_collector(ground),
        connect=connect,
        containers=containers,
        bundles=Bundles(ground.paths),
    )


def _wire_remover(ground: _Ground, collector: Collector, holders: ImageHolders) -> Remover:
    return Remover(
        database=ground.database,
        images=ground.images,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        holders=holders,
        collector=collector,
    )
