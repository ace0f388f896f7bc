"""Looking at everything that an engine root holds: what is recorded is read, the rest measured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.cleanup.cleanup import LayerCache
from engine.errors import EngineError, NotFound, SnapshotNotFound
from engine.ledger import Account, Survey, usage_of
from engine.snapshots.snapshotter import Kind
from engine.system.files import BLOCK, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

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


class CacheMount(Protocol):
    """A directory that builds mount."""

    @property
    def name(self) -> str:
        """Its name on the disk."""

    @property
    def bytes(self) -> int:
        """What it takes."""

    @property
    def last_used_at(self) -> datetime:
        """When a build had it last."""


class CacheContent(Protocol):
    """All that builds left for the next one."""

    @property
    def steps(self) -> Sequence[CacheStep]:
        """What steps gave."""

    @property
    def directories(self) -> Sequence[CacheMount]:
        """Directories of cache mounts."""


class BuildCache(LayerCache, Protocol):
    """The build cache of an engine root."""

    def cache(self) -> CacheContent:
        """Return what it holds."""

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


class Surveyor:
    """Looks at one engine root."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def survey(self) -> Survey:
        """Return what is there now; writable layers, volumes, cache mounts and logs are walked."""
        sources = self._sources
        containers = tuple(sources.containers.list())
        trashed = tuple(each.record for each in sources.containers.trash.list())
        every = [each.id for each in (*containers, *trashed)]
        cache = sources.builds.cache()
        return Survey(
            images=tuple(sources.images.list()),
            containers=containers,
            trashed_images=tuple(each.record for each in sources.image_trash.list()),
            trashed_containers=trashed,
            layers=tuple(
                each for each in sources.snapshotter.iter_snapshots() if each.kind is Kind.COMMITTED
            ),
            steps={each.key: str(each.layer.chain_id) for each in cache.steps if each.layer},
            writable=self._writable(every),
            cache_mounts={each.name: each.bytes for each in cache.directories},
            volumes=self._volumes(),
            logs=self._logs(every),
            ingests={str(each.digest): each.disk_bytes for each in sources.content.iter_ingests()},
            departed=_measured(sources.paths.departed),
        )

    def account(self) -> Account:
        """Hold what the ledger says against what the file system gave up for the root."""
        usage = usage_of(self.survey())
        paths = self._sources.paths
        places = {
            "records": sum(_allocated(each) for each in paths.root.glob(f"{paths.database.name}*")),
            "bundles": _measured(paths.containers) - usage.logs + _measured(paths.departed),
            "work": sum(
                _measured(each)
                for each in (paths.builds, paths.uploads, paths.sandboxes, paths.trash)
            )
            + self._unfinished(),
        }
        return Account(usage, places, _measured(paths.root))

    def _writable(self, container_ids: Iterable[str]) -> dict[str, int]:
        sizes = {}
        for each in container_ids:
            # One that was removed meanwhile takes nothing.
            with suppress(NotFound):
                sizes[each] = self._sources.snapshotter.usage(each).bytes
        return sizes

    def _logs(self, container_ids: Iterable[str]) -> dict[str, int]:
        return {each: self._sources.containers.log_bytes(each) for each in container_ids}

    def _volumes(self) -> dict[str, int]:
        """Return what each volume takes with its directory; nothing where it is not of ours."""
        return {
            each.name: 0 if each.options else _measured(each.directory)
            for each in self._sources.volumes.list()
        }

    def _unfinished(self) -> int:
        """Return the bytes of layers that are only being unpacked, and of what builds mount."""
        containers = self._sources.containers
        known = {each.id for each in containers.list()}
        known |= {each.record.id for each in containers.trash.list()}
        total = 0
        for each in self._sources.snapshotter.iter_snapshots():
            if each.kind is not Kind.COMMITTED and each.key not in known:
                with suppress(SnapshotNotFound):
                    total += self._sources.snapshotter.usage(each.key).bytes
        return total


def _measured(path: Path) -> int:
    with suppress(FileNotFoundError, EngineError):
        return measure(path).bytes
    return 0


def _allocated(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_blocks * BLOCK
    return 0
