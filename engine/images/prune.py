"""
Pruning: removing the images that nobody needs, with docker's filters.

Each image goes, or stays, in a transaction that looks once more at its names and its containers, so
that a prune beside a launch never takes what the launch is about to use. Many go in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.progress import NEVER, SILENT, StepProgress

if TYPE_CHECKING:
    from engine.images.prune_filters import PruneFilters
    from engine.images.record import ImageRemoval
    from engine.images.remove import Remover
    from engine.images.store import ImageStore
    from engine.progress import Cancellation, ProgressSink

# So many go in one transaction: few waits for the disk, and nobody else waits long.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune did: each removal, and the bytes that came free in all."""

    removals: tuple[ImageRemoval, ...]

    @property
    def freed_bytes(self) -> int:
        """The bytes of disk that came free."""
        return sum(each.freed_bytes for each in self.removals)


class Pruner:
    """Prunes the images of one engine root."""

    def __init__(self, images: ImageStore, remover: Remover) -> None:
        self._images = images
        self._remover = remover

    def prune(
        self,
        filters: PruneFilters,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pruned:
        """
        Remove the images that *filters* admit and no container was made from.

        A cancelled one keeps what it did.
        """
        listed = self._images.list_dangling() if filters.dangling else self._images.list_sketches()
        chosen = [each for each in listed if filters.admit(each)]
        removals: list[ImageRemoval] = []
        for start in range(0, len(chosen), BATCH):
            if cancellation.is_cancelled:
                break
            some = chosen[start : start + BATCH]
            progress.emit(StepProgress(some[0].id.short, start, len(chosen)))
            ids = [str(each.id) for each in some]
            removals += self._remover.remove_all_unused(ids, filters, owner=owner)
        return Pruned(tuple(removals))
