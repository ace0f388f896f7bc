"""Which images a prune may take: docker's filters, as a value that judges one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from engine.images.record import ImageRecord, ImageSketch


@dataclass(frozen=True, slots=True)
class PruneFilters:
    """
    Which images a prune may take.

    *dangling*: only those that no tag names; without it every one that no container uses. *until*:
    only what was made before. *labels* and *without_labels* are written `key` or `key=value`: all
    of the former must be there, none of the latter may.
    """

    dangling: bool = True
    until: datetime | None = None
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()

    def admit(self, image: ImageRecord | ImageSketch) -> bool:
        """Return whether *image* is one that may go."""
        if self.dangling and not image.is_dangling:
            return False
        if self.until is not None and (image.created_at or image.added_at) >= self.until:
            return False
        if not self.labels and not self.without_labels:
            return True
        labels = image.labels
        return all(_matches(each, labels) for each in self.labels) and not any(
            _matches(each, labels) for each in self.without_labels
        )


def _matches(filtered: str, labels: dict[str, str]) -> bool:
    key, has_value, value = filtered.partition("=")
    return key in labels and (not has_value or labels[key] == value)
