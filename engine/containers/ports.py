"""What the life of containers needs of others, and all its means in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from engine.containers.bundle import Bundles
    from engine.containers.departed import Departures
    from engine.containers.exec_monitor import ExecMonitor
    from engine.containers.exits import Exits
    from engine.containers.memory_layer import MemoryLayers
    from engine.containers.monitor import Monitor
    from engine.containers.runtime import Runtime
    from engine.containers.sandbox_files import Sandboxes
    from engine.containers.store import ContainerStore
    from engine.containers.waiting import WaitingRoom
    from engine.events import EventLog
    from engine.images.derive import Derivation
    from engine.images.record import ImageRecord
    from engine.networks.networks import NetworkMeans
    from engine.oci.config import ImageConfig
    from engine.oci.digest import ImageID
    from engine.oci.reference import Reference
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.host import HostFacts
    from engine.system.locks import Locks
    from engine.system.mounter import Mounter
    from engine.volumes.volumes import Volumes


class SourceImage(Protocol):
    """What a container is made from."""

    @property
    def id(self) -> ImageID:
        """Its image ID."""

    @property
    def config(self) -> ImageConfig:
        """What it suggests, and its layers."""

    @property
    def tags(self) -> Sequence[Reference]:
        """What names it."""


class ImageSource(Protocol):
    """Knows the images of this host."""

    def get(self, text: str) -> SourceImage:
        """Return the image that *text* names; raise `ImageNotFound`."""

    def mark_used(self, image_id: ImageID) -> None:
        """Note that the image is used now; joins the transaction that is open."""


class ImageDeriver(Protocol):
    """Makes images out of others."""

    def derive(
        self,
        base: ImageID,
        layer: Iterable[bytes],
        derivation: Derivation,
        *,
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """Make an image of *base* with the tar *layer* on top; see `Deriver.derive`."""


class Groups(Protocol):
    """The control groups of this host."""

    def expect_move(self) -> None:
        """Have a process moved into a group without delay, if it is in some milliseconds."""

    def destroy(self, path: str) -> bool:
        """
        Kill what is left in the group and remove it; one that is not there is fine.

        False if that has to be tried again later.
        """

    def missing_parents(self, path: str) -> list[str]:
        """Return the groups above *path* that are not there, the lowest first."""

    def remove_empty(self, path: str) -> bool:
        """Remove the group if nothing is in it; return whether it is not there any more."""

    def members(self, path: str) -> list[int]:
        """Return the processes in the group and in the groups below it; none if it is not there."""

    def has_groups_below(self, path: str) -> bool:
        """Whether somebody has made groups of their own in the group."""

    def directories(self, path: str) -> Iterable[Path]:
        """Return the directories of the group that are there, one of each hierarchy."""

    def freeze(self, path: str) -> None:
        """Have every process of the group stand still; raise `SystemFailure` if that fails."""

    def thaw(self, path: str) -> None:
        """Have the processes of the group go on; a group that is not frozen or there is fine."""

    def is_frozen(self, path: str) -> bool:
        """Whether the processes of the group stand still, or are about to."""

    def oom_kills(self, path: str) -> int:
        """Return how often the kernel killed in the group for lack of memory."""


@dataclass(frozen=True, slots=True)
class Means:
    """Everything with which containers are kept; whatever has an effect goes through one of it."""

    database: Database
    store: ContainerStore
    events: EventLog
    clock: Clock
    locks: Locks
    images: ImageSource
    deriver: ImageDeriver
    snapshotter: Snapshotter
    mounter: Mounter
    memory: MemoryLayers
    sandboxes: Sandboxes
    departures: Departures
    bundles: Bundles
    exits: Exits
    monitor: Monitor
    waiting: WaitingRoom
    exec_monitor: ExecMonitor
    runtime: Runtime
    cgroups: Groups
    networks: NetworkMeans
    volumes: Volumes
    host: HostFacts
