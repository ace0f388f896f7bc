"""
An engine without a kernel: real records of images and real events, containers that only pretend.

What workers see of it behaves as the real one does: same records, same errors, same events.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.containers.record import ContainerRecord, ExitStatus, IfRunning
from engine.containers.state import ContainerState
from engine.errors import (
    ContainerNotFound,
    ContainerRunning,
    ImageInUse,
    NameTaken,
    NetworkExists,
    NetworkInUse,
    NetworkNotFound,
    TagMoved,
    VolumeInUse,
    VolumeNotFound,
    WrongState,
)
from engine.events import SCHEMA as EVENTS_SCHEMA
from engine.events import EventLog
from engine.images.history import history_rows
from engine.images.record import ImageRecord, ImageRemoval, LayerRecord, Pulled
from engine.images.schema import SCHEMA as IMAGES_SCHEMA
from engine.images.store import ImageStore
from engine.ledger import Survey, usage_of
from engine.networks.record import EndpointRecord, NetworkRecord, PublishedPort, Subnet
from engine.networks.settings import parse_address
from engine.oci import media_types
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.platform import host_platform
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT
from engine.settings.lease import with_expiry
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.volumes.record import VolumeRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.containers.stats import StatsSample
    from engine.images.history import HistoryRow
    from engine.images.record import TagMove
    from engine.ledger import DiskUsage
    from engine.networks.settings import NetworkSettings
    from engine.oci.digest import ImageID
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials
    from engine.settings import ContainerSettings, Endpoint, ResourceUpdate
    from engine.volumes.settings import VolumeSettings

LAYER_BYTES = 1000


def layers_of(*names: str) -> tuple[LayerRecord, ...]:
    """Return a stack of layers, lowest first; equal names at the bottom make shared layers."""
    diff_ids = tuple(DiffID(Digest.of(name.encode())) for name in names)
    return tuple(
        LayerRecord(
            ChainID(chain_id),
            diff_id,
            diff_id,
            LAYER_BYTES,
            LAYER_BYTES // 2,
            media_types.OCI_LAYER_GZIP,
        )
        for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True)
    )


def config_of(*names: str, label: str = "") -> ImageConfig:
    """Return the config of an image with the layers *names*; *label* makes it another image."""
    entries = tuple(HistoryEntry(SYSTEM_CLOCK.now(), created_by=f"COPY {name}") for name in names)
    content = render_config(
        platform=host_platform(),
        diff_ids=tuple(DiffID(Digest.of(name.encode())) for name in names),
        history=entries,
        defaults=ProcessDefaults(command=("/bin/true",), env=(f"LABEL={label}",)),
        created_at=SYSTEM_CLOCK.now(),
    )
    return ImageConfig.parse(content)


class FakeImages:
    """Images that appear when a registry is asked; `offered` says which it has."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.store = ImageStore(engine.database, engine.events, SYSTEM_CLOCK)
        self.offered: dict[str, tuple[str, ...]] = {}
        self.error: Exception | None = None
        self.credentials: list[Credentials | None] = []

    def add(
        self, tag: str | None, *layers: str, owner: str = "ana", reason: str = "pull"
    ) -> ImageRecord:
        config = config_of(*(layers or ("base",)), label=f"{tag}{len(self.list())}")
        tags = [Reference.parse(tag)] if tag else []
        return self.store.ensure_image(
            config, layers_of(*(layers or ("base",))), tags=tags, owner=owner, source=reason
        )

    def pull(
        self,
        reference: Reference | str,
        *,
        platform: object = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        self.credentials.append(credentials)
        cancellation.check()
        if self.error:
            raise self.error
        known = self.store.find(str(reference))
        image = known or self.add(str(reference), owner=owner)
        return Pulled(image, Digest(image.id.hex), is_new=known is None, fetched_bytes=0)

    def make_starter(self, *, owner: str = "") -> ImageRecord:
        return self.find("shipshape/starter") or self.add("shipshape/starter", owner=owner)

    def get(self, text: str) -> ImageRecord:
        return self.store.get(text)

    def find(self, text: str) -> ImageRecord | None:
        return self.store.find(text)

    def history(self, image_id: ImageID) -> list[HistoryRow]:
        return history_rows(self.store.get(str(image_id)))

    def tag_moves(self, image_id: ImageID) -> list[TagMove]:
        return self.store.tag_moves(image_id)

    def remove(
        self, text: str, *, of: str = "", force: bool = False, owner: str = ""
    ) -> ImageRemoval:
        image, name = self.store.locate(text)
        if of and str(image.id) != of:
            raise TagMoved(text, now=image.id.short)
        names = (name,) if name and len(image.tags) > 1 else image.tags
        users = tuple(c.name for c in self._engine.containers.list() if c.image_id == image.id)
        if users and len(names) == len(image.tags):
            raise ImageInUse(image.id.short, holders=users)
        if len(names) < len(image.tags):
            for each in names:
                self.store.untag(each, owner=owner)
            return ImageRemoval(names, (), 0)
        self.store.forget_all([image], owner=owner, reason="delete")
        return ImageRemoval(names, (Digest(image.id.hex),), image.size)

    def remove_dangling(self, image: ImageRecord, *, owner: str = "") -> ImageRemoval | None:
        users = [each for each in self._engine.containers.list() if each.image_id == image.id]
        return None if image.tags or users else self.remove(str(image.id), owner=owner)

    def list(self) -> list[ImageRecord]:
        return self.store.list_all()


class FakeNetworks:
    """Networks that connect nobody, but know who was connected."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, NetworkRecord] = {}
        self.members: list[EndpointRecord] = []
        self.published: dict[str, list[PublishedPort]] = {}

    def create(self, settings: NetworkSettings, *, owner: str = "") -> NetworkRecord:
        if self.find(settings.name):
            raise NetworkExists(settings.name)
        network_id = Digest.of(settings.name.encode()).hex
        subnets = tuple(
            Subnet(each.pool, parse_address("gateway", each.gateway)) for each in settings.ipam
        )
        record = NetworkRecord(network_id, settings, "br0", subnets, SYSTEM_CLOCK.now(), owner)
        self.records[network_id] = record
        self._engine.events.record("network", "create", network_id)
        return record

    def get(self, ref: str) -> NetworkRecord:
        found = self.find(ref)
        if found is None:
            raise NetworkNotFound(ref)
        return found

    def find(self, ref: str) -> NetworkRecord | None:
        known = self.records.values()
        return next((each for each in known if ref in {each.id, each.name}), None)

    def remove(self, ref: str) -> None:
        record = self.get(ref)
        if holders := tuple(each.container_name for each in self.endpoints_in(ref)):
            raise NetworkInUse(record.name, network_id=record.id, holders=holders)
        del self.records[record.id]
        self._engine.events.record("network", "destroy", record.id)

    def connect(self, ref: str, container: str, endpoint: Endpoint) -> None:
        record, member = self.get(ref), self._engine.containers.get(container)
        made = EndpointRecord(
            container_id=member.id,
            container_name=member.name,
            network=record.name,
            position=0,
            settings=endpoint,
            names=(member.name, *endpoint.aliases),
            id=f"endpoint{len(self.members)}",
            ipv4=endpoint.ipv4 or f"10.0.0.{len(self.members) + 2}",
        )
        self.members.append(made)
        self._engine.events.record("network", "connect", record.id)

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        record = self.get(ref)
        gone = (record.name, container)
        self.members = [each for each in self.members if (each.network, each.container_id) != gone]
        self._engine.events.record("network", "disconnect", record.id)

    def endpoints(self, container_id: str) -> list[EndpointRecord]:
        return [each for each in self.members if each.container_id == container_id]

    def endpoints_in(self, ref: str) -> list[EndpointRecord]:
        name = self.get(ref).name
        return [each for each in self.members if each.network == name]

    def ports(self, container_id: str) -> list[PublishedPort]:
        return self.published.get(container_id, [])

    def list(self) -> list[NetworkRecord]:
        return list(self.records.values())


class FakeVolumes:
    """Volumes that hold as many bytes as a test says, and whose holders it names."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, VolumeRecord] = {}
        self.sizes: dict[str, int] = {}
        self.held: dict[str, tuple[str, ...]] = {}

    def create(self, settings: VolumeSettings, *, owner: str = "") -> VolumeRecord:
        directory = self._engine.directory / "volumes" / settings.name
        made = VolumeRecord(settings, directory, SYSTEM_CLOCK.now(), owner)
        record = self.records.setdefault(settings.name, made)
        self._engine.events.record("volume", "create", settings.name)
        return record

    def get(self, name: str) -> VolumeRecord:
        if name not in self.records:
            raise VolumeNotFound(name)
        return self.records[name]

    def remove(self, name: str, *, force: bool = False) -> int:
        if name not in self.records:
            if force:
                return 0
            raise VolumeNotFound(name)
        if holders := self.holders(name):
            raise VolumeInUse(name, holders=holders)
        del self.records[name]
        self._engine.events.record("volume", "destroy", name)
        return self.sizes.pop(name, 0)

    def size(self, name: str) -> int:
        if name not in self.records:
            raise VolumeNotFound(name)
        return self.sizes.get(name, 0)

    def holders(self, name: str) -> tuple[str, ...]:
        return self.held.get(name, ())

    def list(self) -> list[VolumeRecord]:
        return list(self.records.values())


class FakeContainers:
    """
    Containers that never run anything.

    `start_error` is what the next starts raise, `early_exit` how what was started ends at once.
    """

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, ContainerRecord] = {}
        self.sizes: dict[str, int] = {}
        self.start_error: Exception | None = None
        self.early_exit: int | None = None
        self.signals: list[str] = []
        self.resets: list[str] = []
        self.reverted: list[tuple[str, tuple[str, ...]]] = []
        self.samples: list[StatsSample] = []

    def create(self, settings: ContainerSettings, *, owner: str = "") -> ContainerRecord:
        image = self._engine.images.get(settings.image)
        name = settings.name or f"calm_hopper{len(self.records)}"
        for other in self.records.values():
            if other.name == name:
                raise NameTaken(name, holder=other.id)
        record = ContainerRecord(
            id=Digest.of(f"{name} {len(self.records)}".encode()).hex,
            name=name,
            image_id=image.id,
            image_reference=settings.image,
            settings=settings,
            command=settings.command or ("/bin/true",),
            state=ContainerState.CREATED,
            pid=0,
            exit_code=None,
            oom_killed=False,
            error="",
            created_at=SYSTEM_CLOCK.now(),
            started_at=None,
            finished_at=None,
            owner=owner,
            labels=settings.labels,
        )
        self._put(record, "create")
        return record

    def start(self, ref: str) -> None:
        if self.start_error:
            raise self.start_error
        record = self.get(ref)
        now = SYSTEM_CLOCK.now()
        self._put(replace(record, state=ContainerState.RUNNING, pid=4711, started_at=now), "start")

    def wait(self, ref: str, *, timeout: float | None = None) -> ExitStatus | None:
        if self.early_exit is None:
            return None
        self.end(ref, self.early_exit)
        return ExitStatus(self.early_exit, False, SYSTEM_CLOCK.now(), "")

    def stop(self, ref: str, *, timeout: float | None = None) -> None:
        self.end(ref, 0)

    def kill(self, ref: str, *, signal: str = "SIGKILL") -> None:
        self.signals.append(signal)
        self.end(ref, 137)

    def restart(self, ref: str) -> ContainerRecord:
        self.start(ref)
        return self.get(ref)

    def pause(self, ref: str) -> None:
        self._put(replace(self.get(ref), state=ContainerState.PAUSED), "pause")

    def unpause(self, ref: str) -> None:
        record = self.get(ref)
        if record.state is not ContainerState.PAUSED:
            raise WrongState(f"{record.name} is not paused")
        self._put(replace(record, state=ContainerState.RUNNING), "unpause")

    def rename(self, ref: str, name: str) -> None:
        self._put(replace(self.get(ref), name=name), "rename")

    def update(self, ref: str, update: ResourceUpdate) -> None:
        record = self.get(ref)
        self._put(replace(record, settings=update.applied_to(record.settings)), "update")

    def lease(self, ref: str, until: datetime | None) -> None:
        record = self.get(ref)
        self._put(replace(record, settings=with_expiry(record.settings, until)), "update")

    def reset(self, ref: str) -> None:
        self.resets.append(self.get(ref).id)

    def revert(self, ref: str, paths: Sequence[str]) -> None:
        self.reverted.append((self.get(ref).id, tuple(paths)))

    def commit(self, ref: str, *, reference: Reference | None = None, **_: object) -> ImageRecord:
        self.get(ref)
        return self._engine.images.add(str(reference) if reference else None, "base", "top")

    def end(self, ref: str, code: int) -> None:
        """Let the container's process end by itself."""
        record = self.get(ref)
        ended = replace(
            record,
            state=ContainerState.EXITED,
            pid=0,
            exit_code=code,
            finished_at=SYSTEM_CLOCK.now(),
        )
        self._put(ended, "die")
        if record.settings.auto_remove:
            self.remove(ref)

    def remove(
        self,
        ref: str,
        *,
        if_running: IfRunning = IfRunning.REFUSE,
        with_volumes: bool = False,
    ) -> int:
        record = self.get(ref)
        if record.is_running and if_running is IfRunning.REFUSE:
            raise ContainerRunning(record.name, state=record.state)
        del self.records[record.id]
        self._engine.events.record("container", "destroy", record.id)
        return self.sizes.pop(record.id, 0)

    def get(self, ref: str) -> ContainerRecord:
        for record in self.records.values():
            if ref in {record.id, record.name}:
                return record
        raise ContainerNotFound(ref)

    def list_stats(self) -> list[StatsSample]:
        return self.samples

    def size(self, ref: str) -> int:
        return self.sizes.get(self.get(ref).id, 0)

    def list(self) -> list[ContainerRecord]:
        return list(self.records.values())

    def _put(self, record: ContainerRecord, action: str) -> None:
        self.records[record.id] = record
        self._engine.events.record("container", action, record.id)


@dataclass
class FakeBuilds:
    """Holds the layers that a test says."""

    held: dict[str, int] = field(default_factory=dict)

    def held_layers(self) -> dict[str, int]:
        return dict(self.held)


class FakeCleanup:
    """Pins, and nothing that could be pinned."""

    def __init__(self) -> None:
        self.pins: set[str] = set()

    def pin(self, subject: str, *, owner: str = "") -> None:
        self.pins.add(subject)

    def unpin(self, subject: str) -> None:
        self.pins.discard(subject)

    def pinned(self) -> frozenset[str]:
        return frozenset(self.pins)


class FakeEngine:
    """What workers are given for an engine."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = Database(directory / "engine.db", [EVENTS_SCHEMA, IMAGES_SCHEMA])
        self.events = EventLog(self.database, directory / "events", SYSTEM_CLOCK)
        (directory / "events").touch()
        self.images = FakeImages(self)
        self.containers = FakeContainers(self)
        self.networks = FakeNetworks(self)
        self.volumes = FakeVolumes(self)
        self.builds = FakeBuilds()
        self.cleanup = FakeCleanup()
        self.reconciled = 0

    def reconcile(self) -> None:
        self.reconciled += 1

    def disk(self) -> DiskUsage:
        return usage_of(
            Survey(
                images=tuple(self.images.list()),
                containers=tuple(self.containers.list()),
                writable=self.containers.sizes,
                volumes=self.volumes.sizes,
            )
        )

    def close(self) -> None:
        self.database.close()


@contextmanager
def fake_engine(directory: Path) -> Iterator[FakeEngine]:
    """Yield an engine over *directory* that is closed afterwards."""
    engine = FakeEngine(directory)
    try:
        yield engine
    finally:
        engine.close()
