"""Looking at everything that an engine root holds: what is recorded is read, the rest measured."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cleanup.measurer import measured_bytes
from engine.errors import NotFound, SnapshotNotFound
from engine.ledger import Account, Survey, usage_of
from engine.ledger.survey import VOLUME, held_by
from engine.snapshots.snapshotter import Kind
from engine.system.files import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.cleanup.sources import Sources

PRODUCT_LOGS = "logs"


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
            trashed_volumes=self._trashed_volumes(),
            logs=self._logs(every),
            ingests={str(each.digest): each.disk_bytes for each in sources.content.iter_ingests()},
            departed=measured_bytes(sources.paths.departed),
        )

    def account(self) -> Account:
        """Hold what the ledger says against what the file system gave up for the root."""
        survey = self.survey()
        usage = usage_of(survey)
        paths = self._sources.paths
        places = {
            "records": sum(_allocated(each) for each in paths.root.glob(f"{paths.database.name}*")),
            "bundles": measured_bytes(paths.containers)
            - usage.logs
            + measured_bytes(paths.departed),
            "work": sum(
                measured_bytes(each)
                for each in (paths.builds, paths.uploads, paths.sandboxes, paths.trash)
            )
            + self._unfinished()
            - sum(survey.trashed_volumes.values()),
        }
        # What the product's processes print, where it runs over this root.
        places["product's logs"] = measured_bytes(paths.root / PRODUCT_LOGS)
        return Account(usage, places, measured_bytes(paths.root))

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
            each.name: 0 if each.options else measured_bytes(each.directory)
            for each in self._sources.volumes.list()
        }

    def _trashed_volumes(self) -> dict[str, int]:
        """As `_volumes`, of those in the trash."""
        trash = self._sources.volumes.trash
        sizes = {}
        for each in trash.list():
            with suppress(NotFound):
                size = 0 if each.record.options else measured_bytes(trash.locate(each.id))
                sizes[held_by(VOLUME, each.id)] = size
        return sizes

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


def _allocated(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_blocks * BLOCK
    return 0
