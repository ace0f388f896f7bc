"""The parts of one engine that images need, wired for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine import events, leases
from engine.content.local import LocalStore
from engine.events import Event, EventLog
from engine.images import places
from engine.images.add import Adder
from engine.images.derive import Deriver
from engine.images.gc import Collector
from engine.images.import_tar import Importer
from engine.images.load import Loader
from engine.images.places import BlobPlaces
from engine.images.pull import Puller
from engine.images.pull_all import AllTagsPuller
from engine.images.push import Pusher
from engine.images.remove import Remover
from engine.images.save import Saver
from engine.images.store import SCHEMA, DocumentRecord, ImageRecord, ImageStore, LayerRecord
from engine.images.sync_receive import Receiver
from engine.images.sync_send import Sender
from engine.images.unpack import Unpacker
from engine.leases import Leases
from engine.oci.config import ImageConfig
from engine.oci.digest import DiffID, Digest, ImageID
from engine.oci.identity import chain_ids
from engine.oci.media_types import OCI_LAYER
from engine.oci.reference import Reference
from engine.registry.connector import RegistryConnector
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from engine.snapshots import store as snapshots
from engine.snapshots.overlay import OverlaySnapshotter
from engine.system.database import Database
from engine.system.locks import Locks
from tests.support.images import MADE_AT, pack_image
from tests.support.layers import FakeLayers, FakeLayerSource

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine.content.store import Store
    from engine.images.ports import LayerSnapshots
    from engine.images.ports import Unpacker as ImageUnpacker
    from engine.images.pull import Connect
    from engine.progress import ProgressEvent
    from engine.system.paths import EnginePaths

HASTY = Patience(first_wait=0.0)


class TurnedClock:
    """Stands still until it is turned; each look at it is a microsecond later."""

    def __init__(self) -> None:
        self.time = MADE_AT

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time


@dataclass
class Holders:
    """Says who holds what, as a test wants it."""

    by_image: dict[ImageID, tuple[str, ...]] = field(default_factory=dict)

    def holders(self, image_id: ImageID) -> tuple[str, ...]:
        return self.by_image.get(image_id, ())

    def holders_of_each(self, image_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        wanted = set(image_ids)
        return {str(each): names for each, names in self.by_image.items() if str(each) in wanted}


@dataclass
class Sink:
    """Keeps every event."""

    events: list[ProgressEvent] = field(default_factory=list)

    def emit(self, event: ProgressEvent) -> None:
        self.events.append(event)


class World:
    """
    One engine root, on layers in memory unless *on_disk*.

    A second one on the same *paths* is another process, as far as locks and records can tell.
    """

    def __init__(
        self, paths: EnginePaths, *, layers: FakeLayers | None = None, on_disk: bool = False
    ) -> None:
        paths.ensure()
        self.paths = paths
        self.locks = Locks(paths.locks)
        self.clock = TurnedClock()
        self.holders = Holders()
        self.transport = HttpTransport()
        self.database = Database(
            paths.database, [leases.SCHEMA, events.SCHEMA, SCHEMA, places.SCHEMA, snapshots.SCHEMA]
        )
        self.events = EventLog(self.database, paths.events, self.clock)
        self.images = ImageStore(self.database, self.events, self.clock)
        self.store: Store = LocalStore(paths.content, self.locks)
        self.leases = Leases(self.database, self.locks)
        self.layers = layers or FakeLayers(self.store)
        self.snapshots: LayerSnapshots = self.layers
        self.unpacker: ImageUnpacker = self.layers
        if on_disk:
            self.snapshotter = OverlaySnapshotter(paths.snapshots, self.database, trash=paths.trash)
            self.snapshots = self.snapshotter
            self.unpacker = Unpacker(self.snapshotter, self.locks)
        self.collector = Collector(
            database=self.database,
            images=self.images,
            store=self.store,
            snapshots=self.snapshots,
            leases=self.leases,
            locks=self.locks,
            clock=self.clock,
        )
        self.remover = Remover(
            database=self.database,
            images=self.images,
            snapshots=self.snapshots,
            leases=self.leases,
            holders=self.holders,
            collector=self.collector,
        )
        self.puller = Puller(
            connect=RegistryConnector(self.transport, patience=HASTY),
            database=self.database,
            images=self.images,
            store=self.store,
            snapshots=self.snapshots,
            unpacker=self.unpacker,
            leases=self.leases,
            collector=self.collector,
        )

    @property
    def parts(self) -> dict[str, Any]:
        """What brings images here: loads, imports and the like take all of it or some."""
        return {
            "images": self.images,
            "store": self.store,
            "snapshots": self.snapshots,
            "unpacker": self.unpacker,
            "leases": self.leases,
            "collector": self.collector,
        }

    def loader(self) -> Loader:
        return Loader(**self.parts, database=self.database, spools=self.paths.content)

    def all_tags_puller(self) -> AllTagsPuller:
        connect = RegistryConnector(self.transport, patience=HASTY)
        return AllTagsPuller(puller=self.puller, connect=connect)

    def pusher(self) -> Pusher:
        return Pusher(
            connect=RegistryConnector(self.transport, patience=HASTY),
            images=self.images,
            store=self.store,
            source=FakeLayerSource(self.layers, self.store),
            leases=self.leases,
            places=BlobPlaces(self.database, self.clock),
        )

    def sender(self) -> Sender:
        return Sender(
            images=self.images,
            store=self.store,
            source=FakeLayerSource(self.layers, self.store),
            leases=self.leases,
        )

    def receiver(self) -> Receiver:
        def new_puller(connect: Connect) -> Puller:
            return Puller(connect=connect, **self.parts, database=self.database, source="sync")

        return Receiver(new_puller)

    def saver(self) -> Saver:
        return Saver(
            images=self.images,
            store=self.store,
            source=FakeLayerSource(self.layers, self.store),
            leases=self.leases,
        )

    def deriver(self) -> Deriver:
        return Deriver(self.images, self.adder(), self.clock)

    def adder(self) -> Adder:
        return Adder(**self.parts)

    def importer(self) -> Importer:
        return Importer(Adder(**self.parts), self.clock)

    def add(self, *tars: bytes, tags: tuple[str, ...] = (), label: str = "") -> ImageRecord:
        """Make an image here whose layers are *tars*, as a build would."""
        config = ImageConfig.parse(pack_image(*tars, label=label).config)
        records = []
        parent = None
        for tar, chain in zip(tars, chain_ids(config.diff_ids), strict=True):
            self.layers.put(chain, parent=parent, size=4096 * len(tar))
            digest = Digest.of(tar)
            size = 4096 * len(tar)
            self.layers.tars[DiffID(digest)] = tar
            records.append(LayerRecord(chain, DiffID(digest), digest, size, len(tar), OCI_LAYER))
            parent = chain
        documents = [self.document(config.content)]
        return self.images.ensure_image(
            config,
            records,
            documents=documents,
            tags=[Reference.parse(tag) for tag in tags],
            owner="ana",
            source="build",
        )

    def document(self, content: bytes) -> DocumentRecord:
        digest = self.store.put(content)
        return DocumentRecord(digest, self.store.disk_bytes(digest))

    @property
    def disk_bytes(self) -> int:
        return self.layers.disk_bytes + self.store.blob_bytes()

    def happened(self) -> list[tuple[str, str]]:
        return [(each.action, each.attributes.get("name", "")) for each in self.list_events()]

    def list_events(self) -> list[Event]:
        return self.events.list_since(0)

    def close(self) -> None:
        self.transport.close()
        self.database.close()
