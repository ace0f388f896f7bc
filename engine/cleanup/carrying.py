"""Doing one thing after the other, with an account of what went and what stayed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from engine.cleanup.plan import CleanupReport, Skipped
from engine.errors import NotFound, WrongState
from engine.progress import StepProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.progress import Cancellation, ProgressSink


# So many go together: few waits for the disk, and nobody else waits long.
BATCH = 256
Item = TypeVar("Item")


def in_batches(
    items: Sequence[Item], kind: Callable[[Item], object]
) -> Iterator[tuple[int, Sequence[Item]]]:
    """Yield *items* in their order, a number of one kind at a time, and where they begin."""
    at = 0
    for _, found in groupby(items, key=kind):
        same = tuple(found)
        for start in range(0, len(same), BATCH):
            yield at + start, same[start : start + BATCH]
        at += len(same)


def carry_out(
    ids: Sequence[str],
    remove: Callable[[str], int | Skipped],
    progress: ProgressSink,
    cancellation: Cancellation,
    *,
    first: int = 0,
    total: int | None = None,
) -> CleanupReport:
    """
    Have *remove* take one after the other; return what went, what it freed, and what stayed.

    They are told as *first* and following of *total*, which is all of them if it is not given.
    """
    removed: list[str] = []
    skipped: list[Skipped] = []
    freed = 0
    for number, each in enumerate(ids, first):
        progress.emit(StepProgress(each, number, len(ids) if total is None else total))
        # What went before a cancellation went for good, so the report is kept, not thrown away.
        stopped = cancellation.is_cancelled
        result = Skipped(each, "the clean-up was cancelled") if stopped else _tried(each, remove)
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            removed.append(each)
            freed += result
    return CleanupReport(tuple(removed), tuple(skipped), freed)


def _tried(subject: str, remove: Callable[[str], int | Skipped]) -> int | Skipped:
    try:
        return remove(subject)
    except NotFound:
        return Skipped(subject, "is gone already")
    except WrongState as error:
        return Skipped(subject, error.message)
