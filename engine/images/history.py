"""How an image was made, row by row, as docker shows it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

from engine.oci.config import HistoryEntry

if TYPE_CHECKING:
    from datetime import datetime

    from engine.images.record import ImageRecord

MISSING = "<missing>"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """
    One instruction.

    *image* is an ID, or `<missing>` for an instruction that left no image of its own here. *size*
    is what its layer takes on the disk, 0 for one that changed no file.
    """

    image: str
    created_at: datetime | None
    created_by: str
    size: int
    comment: str
    is_empty_layer: bool


def history_rows(image: ImageRecord) -> list[HistoryRow]:
    """
    Return a row for each instruction that made *image*, the newest first.

    A config may tell too little or too much, since nobody checks it: layers that it does not tell
    of get rows without words, and instructions without a layer count as 0 bytes.
    """
    entries = _padded(image)
    sizes = chain((layer.size for layer in image.layers), repeat(0))
    rows = [_row(entry, 0 if entry.is_empty_layer else next(sizes)) for entry in entries]
    return [_named(row, str(image.id) if not n else MISSING) for n, row in enumerate(rows[::-1])]


def _padded(image: ImageRecord) -> list[HistoryEntry]:
    told = list(image.config.history)
    untold = len(image.layers) - sum(not entry.is_empty_layer for entry in told)
    return told + [HistoryEntry()] * untold


def _row(entry: HistoryEntry, size: int) -> HistoryRow:
    return HistoryRow(
        MISSING, entry.created_at, entry.created_by, size, entry.comment, entry.is_empty_layer
    )


def _named(row: HistoryRow, image: str) -> HistoryRow:
    return HistoryRow(
        image, row.created_at, row.created_by, row.size, row.comment, row.is_empty_layer
    )
