"""Whom a clean-up asks about what there is, and what it needs to know of the build cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.containers.containers import Containers
    from engine.content.store import Store
    from engine.images.images import Images
    from engine.images.trash import ImageTrash
    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.paths import EnginePaths
    from engine.volumes.volumes import Volumes


class StepLayer(Protocol):
    """A layer that the build cache keeps."""

    @property
    def chain_id(self) -> ChainID:
        """What names it."""

    @property
    def size(self) -> int:
        """Its bytes on disk."""


class CacheStep(Protocol):
    """What a step of a build gave."""

    @property
    def key(self) -> str:
        """What it is recognised by."""

    @property
    def created_by(self) -> str:
        """The instruction."""

    @property
    def created_at(self) -> datetime:
        """When it ran."""

    @property
    def last_used_at(self) -> datetime:
        """When a build took it last."""

    @property
    def uses(self) -> int:
        """How often one did."""

    @property
    def layer(self) -> StepLayer | None:
        """What it changed, if it did."""


class CachePlace(Protocol):
    """A directory that builds mount."""

    @property
    def name(self) -> str:
        """Its name on the disk."""

    @property
    def last_used_at(self) -> datetime:
        """When a build had it last."""

    @property
    def is_used(self) -> bool:
        """Whether a build has it now."""

    @property
    def description(self) -> str:
        """What it is for."""


class CacheMount(Protocol):
    """A directory that builds mount, measured."""

    @property
    def name(self) -> str:
        """Its name on the disk."""

    @property
    def bytes(self) -> int:
        """What it takes."""


class CacheContent(Protocol):
    """All that builds left for the next one."""

    @property
    def steps(self) -> Sequence[CacheStep]:
        """What steps gave."""

    @property
    def directories(self) -> Sequence[CacheMount]:
        """Directories of cache mounts."""


class BuildCache(Protocol):
    """The build cache of an engine root."""

    def cache(self) -> CacheContent:
        """Return what it holds."""

    def cache_steps(self) -> Sequence[CacheStep]:
        """Return what steps gave."""

    def cache_places(self) -> Sequence[CachePlace]:
        """Return the directories that builds mount, not measured."""

    def forget_step(self, key: str) -> None:
        """Forget what a step gave; its layer is for the collector then."""

    def remove_cache_mount(self, name: str) -> int | None:
        """Remove a directory; return what came free, or None while a build has it."""


@dataclass(frozen=True)
class Sources:
    """Whom to ask about what there is."""

    paths: EnginePaths
    images: Images
    containers: Containers
    volumes: Volumes
    builds: BuildCache
    snapshotter: Snapshotter
    content: Store
    image_trash: ImageTrash
