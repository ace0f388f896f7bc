"""
The trash of an engine: what was put aside, bringing it back, and emptying.

What lies in it takes the disk as before. It is emptied by hand, by age, above a size, and while the
disk is too full; the oldest goes first, containers before the images that they need.
"""

from __future__ import annotations

import shutil
from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup.carrying import carry_out, in_batches
from engine.cleanup.plan import CleanupReport, Skipped
from engine.cleanup.subject import SubjectKind
from engine.containers.store import IN_TRASH
from engine.errors import InvalidSetting, VolumeInUse, WrongState
from engine.ledger.survey import TRASH, VOLUME, held_by
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT, StepProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from engine.cleanup.lookout import Lookout
    from engine.cleanup.sources import Sources
    from engine.progress import Cancellation, ProgressSink
    from engine.system.clock import Clock

RETENTION = timedelta(days=7)
# Containers go before the images that they need.
_TURNS = (SubjectKind.CONTAINER, SubjectKind.IMAGE, SubjectKind.VOLUME)


@dataclass(frozen=True, slots=True)
class TrashItem:
    """
    One thing in the trash; *id* is its holder's in the ledger, *names* what it was called.

    *mark* is that of its facts where others may have been called as it was.
    """

    id: str
    kind: SubjectKind
    names: tuple[str, ...]
    owner: str
    trashed_at: datetime
    trashed_by: str
    mark: str = ""

    @property
    def subject(self) -> str:
        """The ID that it had and will have again; of a volume the one that it has here."""
        return self.id.partition(":")[2]

    @property
    def was(self) -> tuple[str, str]:
        """What plans call it, and for a volume, whose name others may have had, its mark there."""
        if self.kind is SubjectKind.VOLUME:
            return held_by(VOLUME, self.names[0]), self.mark
        return self.subject, ""


@dataclass(frozen=True, slots=True)
class TrashLimits:
    """
    How much stays in the trash, and how long.

    *max_bytes* of 0 is no limit. Above *watermark*, a share of the disk's size, the trash is
    emptied whatever its age; 1 never is above.
    """

    retention: timedelta = RETENTION
    max_bytes: int = 0
    watermark: float = 1.0

    def __post_init__(self) -> None:
        if self.max_bytes < 0:
            raise InvalidSetting("max_bytes", "max_bytes cannot be negative")
        if not 0 < self.watermark <= 1:
            raise InvalidSetting("watermark", "watermark is a share between 0 and 1")


def overdue(
    items: Sequence[TrashItem],
    limits: TrashLimits,
    *,
    now: datetime,
    excess: int,
    freed: Callable[[Iterable[str]], int],
) -> list[str]:
    """
    Return the IDs of what leaves the trash for good, the oldest first.

    *excess* is by how many bytes the disk is above the watermark; *freed* says what comes free with
    a selection of items.
    """
    ordered = sorted(items, key=lambda each: (each.trashed_at, each.kind, each.id))
    ids = [each.id for each in ordered]
    old = sum(now - each.trashed_at >= limits.retention for each in ordered)
    wanted = max(excess, freed(ids) - limits.max_bytes if limits.max_bytes else 0)
    if wanted <= 0:
        return ids[:old]
    # The more go the more comes free; a question for each would take long where many lie there.
    enough = bisect_left(range(len(ids)), wanted, key=lambda count: freed(ids[:count]))
    return ids[: max(old, enough)]


class Trash:
    """The trash of one engine root."""

    def __init__(self, sources: Sources, lookout: Lookout, clock: Clock) -> None:
        self._sources = sources
        self._lookout = lookout
        self._clock = clock

    def put(self, subject: str, *, owner: str = "") -> str:
        """
        Put a container, an image or a volume, called as in a plan, aside; return its ID here.

        Raises what keeps it where it is: that it runs, is in use, or is not there.
        """
        kind, name = _told(subject)
        if kind is SubjectKind.VOLUME:
            return self._put_volume(name, owner)
        put = (
            self._sources.image_trash.put
            if kind is SubjectKind.IMAGE
            else self._sources.containers.trash.put
        )
        refusal = put(subject, owner=owner)
        if refusal:
            raise WrongState(f"{subject[:19]} {refusal}")
        return held_by(TRASH, subject)

    def restore(self, item_id: str, *, names: Sequence[str] | None = None, owner: str = "") -> None:
        """
        Bring one thing back as it was, or under other *names*; only an image has several.

        Raises `RestoreConflict`, which offers a free name, `ImageNotFound` for a container whose
        image is not here, `ContainerNotFound` or `VolumeNotFound`; then it stays in the trash.
        """
        kind, name = _told(item_id.partition(":")[2])
        if kind is SubjectKind.IMAGE:
            tags = None if names is None else [Reference.parse(each) for each in names]
            self._sources.image_trash.restore(name, tags=tags, owner=owner)
        elif kind is SubjectKind.VOLUME:
            self._sources.volumes.trash.restore(name, name=(names or ("",))[0])
        else:
            self._sources.containers.trash.restore(name, name=(names or ("",))[0])

    def freed_by(self, item_ids: Iterable[str]) -> int:
        """Return the bytes that come free if exactly these leave the trash for good."""
        return self._lookout.freed(item_ids)

    def freed_by_each(self, item_ids: Iterable[str]) -> dict[str, int]:
        """Return for each of these the bytes that come free if it alone leaves the trash."""
        return self._lookout.freed_each(item_ids)

    def empty(
        self,
        item_ids: Sequence[str],
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> CleanupReport:
        """Remove these for good, and nothing else; what is no longer there is skipped."""
        ordered = sorted(dict.fromkeys(item_ids), key=lambda each: _TURNS.index(_kind(each)))
        report = CleanupReport((), (), 0)
        for first, some in in_batches(ordered, _kind):
            progress.emit(StepProgress(some[0], first, len(ordered)))
            if cancellation.is_cancelled or _kind(some[0]) is SubjectKind.VOLUME:
                emptied = carry_out(
                    some,
                    self._discard_volume,
                    progress,
                    cancellation,
                    first=first,
                    total=len(ordered),
                )
            else:
                emptied = self._discard_many(some)
            report = report.joined(emptied)
        return report

    def tend(self, limits: TrashLimits) -> CleanupReport:
        """Empty the trash of what is too old, or too much; see `overdue`."""
        items = self.list()
        if not items:
            return CleanupReport((), (), 0)
        disk = shutil.disk_usage(self._sources.paths.root)
        with self._lookout.book() as book:
            going = overdue(
                items,
                limits,
                now=self._clock.now(),
                excess=disk.used - int(limits.watermark * disk.total),
                freed=book.freed,
            )
        return self.empty(going)

    def _put_volume(self, name: str, owner: str) -> str:
        try:
            put = self._sources.volumes.trash.put(name, owner=owner)
        except VolumeInUse as error:
            raise VolumeInUse(name, holders=self._called(error.holders)) from error
        if isinstance(put, str):
            raise WrongState(f"{name} {put}")
        return held_by(TRASH, held_by(VOLUME, put.id))

    def _called(self, container_ids: Sequence[str]) -> tuple[str, ...]:
        containers = self._sources.containers
        names = {each.id: each.name for each in containers.list_by_id(tuple(container_ids))}
        for each in container_ids:
            if trashed := containers.trash.find(each):
                names[each] = f"{trashed.record.name} ({IN_TRASH})"
        return tuple(names.get(each, each) for each in container_ids)

    def _discard_volume(self, item_id: str) -> int | Skipped:
        return self._sources.volumes.trash.discard(_told(item_id.partition(":")[2])[1])

    def _discard_many(self, item_ids: Sequence[str]) -> CleanupReport:
        """Remove containers, or images, for good; many in one transaction."""
        names = {_told(each.partition(":")[2])[1]: each for each in item_ids}
        if _kind(item_ids[0]) is SubjectKind.CONTAINER:
            gone = self._sources.containers.trash.discard_each(list(names))
            ids, refused, freed = gone.ids, gone.refused, gone.freed_bytes
        else:
            let_go = self._sources.image_trash.discard_each(list(names))
            ids, refused, freed = list(let_go.ids), let_go.refused, let_go.freed_bytes
        skipped = tuple(Skipped(names[each], why) for each, why in refused.items())
        return CleanupReport(tuple(names[each] for each in ids), skipped, freed)

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[TrashItem]:
        """Return what is in the trash, the oldest first."""
        containers = [
            TrashItem(
                held_by(TRASH, each.id),
                SubjectKind.CONTAINER,
                (each.name,),
                each.owner,
                each.trashed_at,
                each.trashed_by,
            )
            for each in self._sources.containers.trash.sketches()
        ]
        images = [
            TrashItem(
                held_by(TRASH, each.id),
                SubjectKind.IMAGE,
                tuple(tag.familiar for tag in each.tags),
                each.owner,
                each.trashed_at,
                each.trashed_by,
            )
            for each in self._sources.image_trash.sketches()
        ]
        volumes = [
            TrashItem(
                held_by(TRASH, held_by(VOLUME, each.id)),
                SubjectKind.VOLUME,
                (each.record.name,),
                each.record.owner,
                each.trashed_at,
                each.trashed_by,
                mark=str(each.record.created_at),
            )
            for each in self._sources.volumes.trash.list()
        ]
        found = [*containers, *images, *volumes]
        return sorted(found, key=lambda each: (each.trashed_at, each.id))


def _told(subject: str) -> tuple[SubjectKind, str]:
    """Return what *subject* is, and what its own trash calls it."""
    word, colon, name = subject.partition(":")
    if not colon:
        return SubjectKind.CONTAINER, subject
    if word == VOLUME:
        return SubjectKind.VOLUME, name
    return SubjectKind.IMAGE, subject


def _kind(item_id: str) -> SubjectKind:
    return _told(item_id.partition(":")[2])[0]
