"""
Pruning: removing the images that nobody needs, with docker's filters.

Each image goes, or stays, in a transaction of its own that looks once more at its names and its
containers, so that a prune beside a launch never takes what the launch is about to use.
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
        listed = self._images.list_dangling() if filters.dangling else self._images.list_all()
        chosen = [each for each in listed if filters.admit(each)]
        removals = []
        for number, image in enumerate(chosen):
            if cancellation.is_cancelled:
                break
            progress.emit(StepProgress(image.id.short, number, len(chosen)))
            removal = self._remover.remove_unused(image, filters, owner=owner)
            if removal is not None:
                removals.append(removal)
        return Pruned(tuple(removals))
