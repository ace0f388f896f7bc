"""
What would come free, at once, however many layers there are.

Layers stand on each other, so whoever holds one holds all below it, and needs to be counted at the
highest only. The tree of layers is kept with every stretch in which nobody begins or branches drawn
together into one node; a selection is taken off at its nodes, and what nobody needs then falls off
downwards. So a question costs as much as what it asks for, not as much as there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Piece:
    """Something of *size* bytes that stands on *below*, if on anything, and keeps it."""

    key: str
    size: int
    below: str | None = None


@dataclass(frozen=True, slots=True)
class SharedPiece:
    """Something of *size* bytes that stays until all of *needed_by*, which are pieces, are gone."""

    size: int
    needed_by: frozenset[str]


class Reclaim:
    """
    Answers what comes free if exactly some holders go.

    *holdings* says at which pieces each holder begins; a piece that nobody holds, and on which
    nothing stands, is nobody's: it comes free with no selection.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        holdings: Mapping[str, Collection[str]],
        shared: Iterable[SharedPiece] = (),
    ) -> None:
        known = {each.key: each for each in pieces}
        common = tuple(shared)
        self.total = sum(each.size for each in known.values()) + sum(each.size for each in common)
        marked = {key for keys in holdings.values() for key in keys}
        marked |= {key for each in common for key in each.needed_by}
        self._node_of, sizes, below = _drawn_together(known, marked)
        self._sizes, self._below = sizes, below
        self._holdings = {
            holder: frozenset(self._node_of[key] for key in keys if key in self._node_of)
            for holder, keys in holdings.items()
        }
        self._needed = _needs(self._holdings, below)
        self._shared = common
        self._shared_at = self._by_node(common)

    def freed(self, selection: Iterable[str]) -> int:
        """Return the bytes that come free if exactly the holders in *selection* go."""
        left: dict[int, int] = {}
        gone: list[int] = []
        for holder in set(selection):
            for node in self._holdings.get(holder, ()):
                self._take_off(node, left, gone)
        freed = 0
        # It grows while it is walked: what stood on nothing else falls too.
        for node in gone:
            freed += self._sizes[node]
            below = self._below[node]
            if below is not None:
                self._take_off(below, left, gone)
        return freed + self._shared_freed(gone)

    def _take_off(self, node: int, left: dict[int, int], gone: list[int]) -> None:
        remaining = left.get(node, self._needed[node]) - 1
        left[node] = remaining
        if remaining == 0:
            gone.append(node)

    def _by_node(self, shared: Iterable[SharedPiece]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number, each in enumerate(shared):
            for node in {self._node_of[key] for key in each.needed_by if key in self._node_of}:
                found[node].append(number)
        return dict(found)

    def _shared_freed(self, gone: Iterable[int]) -> int:
        if not self._shared_at:
            return 0
        touched = Counter(number for node in gone for number in self._shared_at.get(node, ()))
        return sum(
            self._shared[number].size
            for number, count in touched.items()
            if count == len({self._node_of.get(key) for key in self._shared[number].needed_by})
        )


def _needs(holdings: Mapping[str, frozenset[int]], below: list[int | None]) -> list[int]:
    """Return by how many holders and nodes each node is needed."""
    needed = [0] * len(below)
    for nodes in holdings.values():
        for node in nodes:
            needed[node] += 1
    for each in below:
        if each is not None:
            needed[each] += 1
    return needed


def _drawn_together(
    pieces: Mapping[str, Piece], marked: Collection[str]
) -> tuple[dict[str, int], list[int], list[int | None]]:
    """
    Return the node of each piece that somebody begins at, and sizes and places of all nodes.

    A piece that is not *marked*, with one piece on it, is drawn together with that one.
    """
    above = Counter(each.below for each in pieces.values() if each.below in pieces)
    heads = [key for key in pieces if key in marked or above[key] != 1]
    node_of = {key: number for number, key in enumerate(heads)}
    sizes: list[int] = []
    below: list[int | None] = []
    for head in heads:
        size, at = pieces[head].size, pieces[head].below
        while at is not None and at in pieces and at not in node_of:
            size += pieces[at].size
            at = pieces[at].below
        sizes.append(size)
        below.append(node_of.get(at) if at is not None else None)
    return node_of, sizes, below
