"""
Laying out a treemap: rectangles whose areas are as the sizes, and that are as square as can be.

After Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000). Pure arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """What it covers."""
        return self.width * self.height

    def below(self, head: float) -> Rect:
        """Return what is left of it below a strip of *head* at its top, or of half of it."""
        head = min(head, self.height / 2)
        return Rect(self.x, self.y + head, self.width, self.height - head)


def squarify(sizes: Sequence[int], within: Rect) -> list[Rect]:
    """
    Return a rectangle for each of *sizes*, which together cover *within*.

    All sizes are positive; the largest come first, or the rectangles get thin.
    """
    left, rest, placed = within, sum(sizes), list[Rect]()
    while len(placed) < len(sizes):
        waiting = sizes[len(placed) :]
        row = waiting[: _row_length(waiting, left, rest)]
        rects, left = _lay(row, left, rest)
        placed += rects
        rest -= sum(row)
    return placed


def _row_length(sizes: Sequence[int], left: Rect, rest: int) -> int:
    """Return how many of *sizes* make the most square row along the shorter side of *left*."""
    side = min(left.width, left.height)
    scale = left.area / rest
    total, best = 0.0, float("inf")
    for count, size in enumerate(sizes):
        total += size * scale
        worst = max(
            side * side * sizes[0] * scale / (total * total),
            total * total / (side * side * size * scale),
        )
        if worst > best:
            return count
        best = worst
    return len(sizes)


def _lay(row: Sequence[int], left: Rect, rest: int) -> tuple[list[Rect], Rect]:
    """Return the rectangles of *row* along the shorter side of *left*, and what remains of it."""
    total = sum(row)
    is_column = left.width >= left.height
    depth = (left.width if is_column else left.height) * total / rest
    side = left.height if is_column else left.width
    rects, at = [], 0.0
    for size in row:
        length = side * size / total
        rects.append(
            Rect(left.x, left.y + at, depth, length)
            if is_column
            else Rect(left.x + at, left.y, length, depth)
        )
        at += length
    if is_column:
        return rects, Rect(left.x + depth, left.y, max(0.0, left.width - depth), left.height)
    return rects, Rect(left.x, left.y + depth, left.width, max(0.0, left.height - depth))
