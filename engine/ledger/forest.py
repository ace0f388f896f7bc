"""
The layers of a root as a forest that changes with them, and what falls when holders let go.

Layers stand on each other, so whoever needs one needs all below it, and is noted at the highest
only. Every *stretch* of layers in which nobody begins or branches is one node; it is cut where
somebody comes to need a layer in the middle. So a change, and a question, costs what it is about
and not what there is. Documents of an image are a piece that stands on its highest layer.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Part(enum.Enum):
    """What the bytes of a piece are."""

    LAYER = "layer"
    ARCHIVE = "archive"
    DOCUMENT = "document"


class Stretch:
    """
    Pieces, the lowest first, that are there as long as the highest is.

    *needed* counts who needs the highest; *images* those among them, and above, that are images at
    hand, and *weight* these with their containers.
    """

    __slots__ = ("below", "images", "marked", "needed", "parts", "pieces", "weight")

    def __init__(self, below: Stretch | None) -> None:
        self.pieces: list[str] = []
        self.parts = {Part.LAYER: 0, Part.ARCHIVE: 0, Part.DOCUMENT: 0}
        self.marked: set[str] = set()
        self.below = below
        self.needed = self.images = self.weight = 0

    @property
    def total(self) -> int:
        """The bytes that are only its own."""
        return sum(self.parts.values())


class Common:
    """Bytes beside the layers, an archive or a document, and the pieces that need them."""

    __slots__ = ("needed_by", "part", "size")

    def __init__(self, size: int, part: Part) -> None:
        self.size, self.part = size, part
        self.needed_by: set[str] = set()


class Sums:
    """The bytes of the forest, each counted once, by who has them."""

    __slots__ = ("archives", "documents", "everything", "shared", "unique", "virtual")

    def __init__(self) -> None:
        self.everything = self.shared = self.unique = 0
        self.archives = self.documents = self.virtual = 0

    def add(self, stretch: Stretch, sign: int) -> None:
        """Add a stretch, or take it off again with a *sign* of -1."""
        parts, total = stretch.parts, stretch.total * sign
        self.everything += total
        self.virtual += total * stretch.weight
        if stretch.images == 1:
            self.unique += parts[Part.LAYER] * sign
        elif stretch.images:
            self.shared += parts[Part.LAYER] * sign
        if stretch.images:
            self.archives += parts[Part.ARCHIVE] * sign
            self.documents += parts[Part.DOCUMENT] * sign

    def add_common(self, common: Common, images: int, weight: int) -> None:
        """Add what pieces share that so many images and so much weight stand on."""
        self.everything += common.size
        self.virtual += common.size * weight
        if images and common.part is Part.ARCHIVE:
            self.archives += common.size
        elif images:
            self.documents += common.size


class Forest:
    """The pieces of one engine root."""

    def __init__(self) -> None:
        self._stretch: dict[str, Stretch] = {}
        self._sizes: dict[str, int] = {}
        self._commons: dict[str, Common] = {}
        self._needs: dict[str, set[str]] = defaultdict(set)
        # Those that several pieces need, and that so belong to no stretch.
        self._shared: dict[str, Common] = {}
        self._sums = Sums()

    def __contains__(self, piece: object) -> bool:
        return piece in self._stretch

    def find(self, piece: str) -> Stretch | None:
        """Return the stretch of a *piece* that is the highest of one, or None where it is not."""
        stretch = self._stretch.get(piece)
        return None if stretch is None else self._cut(stretch, piece)

    # --- Pieces -------------------------------------------------------------------------------

    def put(self, piece: str, size: int, below: str | None) -> None:
        """Let there be a *piece* on the piece *below*; one that is there has *size* from now on."""
        stretch = self._stretch.get(piece)
        if stretch is None:
            stretch = self._place_above(self._stretch.get(below) if below else None, below)
            stretch.pieces.append(piece)
            self._stretch[piece] = stretch
        self._change(stretch, Part.LAYER, size - self._sizes.get(piece, 0))
        self._sizes[piece] = size

    def drop(self, piece: str) -> bool:
        """Let the *piece* be gone; return False while somebody needs it or it is a lower one."""
        stretch = self._stretch.get(piece)
        if stretch is None:
            return True
        if stretch.needed or stretch.pieces[-1] != piece:
            return False
        for key in tuple(self._needs.get(piece, ())):
            self.take(key, piece)
        self._needs.pop(piece, None)
        self._change(stretch, Part.LAYER, -self._sizes.pop(piece))
        del self._stretch[piece]
        stretch.pieces.pop()
        if not stretch.pieces and stretch.below is not None:
            stretch.below.needed -= 1
        return True

    def _place_above(self, stretch: Stretch | None, top: str | None) -> Stretch:
        if stretch is None or top is None:
            return Stretch(None)
        stretch = self._cut(stretch, top)
        if not stretch.needed:
            return stretch
        stretch.needed += 1
        return Stretch(stretch)

    def _cut(self, stretch: Stretch, top: str) -> Stretch:
        """Return the stretch of which the piece *top* is the highest, made of *stretch*."""
        if stretch.pieces[-1] == top:
            return stretch
        lower = Stretch(stretch.below)
        end = stretch.pieces.index(top) + 1
        lower.pieces, stretch.pieces = stretch.pieces[:end], stretch.pieces[end:]
        lower.needed, lower.images, lower.weight = 1, stretch.images, stretch.weight
        stretch.below = lower
        for piece in lower.pieces:
            self._stretch[piece] = lower
            self._move(piece, stretch, lower)
        return lower

    def _move(self, piece: str, source: Stretch, target: Stretch) -> None:
        """Let the bytes of *piece* count in *target*: both have the same weight, so sums stay."""
        source.parts[Part.LAYER] -= self._sizes[piece]
        target.parts[Part.LAYER] += self._sizes[piece]
        for key in self._needs.get(piece, ()):
            if key not in self._shared:
                common = self._commons[key]
                source.parts[common.part] -= common.size
                target.parts[common.part] += common.size
        if piece in source.marked:
            source.marked.discard(piece)
            target.marked.add(piece)

    def _change(self, stretch: Stretch, part: Part, bytes_more: int) -> None:
        self._sums.add(stretch, -1)
        stretch.parts[part] += bytes_more
        self._sums.add(stretch, 1)

    # --- What pieces have beside their own ----------------------------------------------------

    def give(self, key: str, piece: str, size: int, part: Part) -> None:
        """Let the *piece*, which is there, need the bytes *key*; it may do so already."""
        if key in self._needs.get(piece, ()):
            if self._commons[key].size == size:
                return
            self.take(key, piece)
        common = self._commons.setdefault(key, Common(size, part))
        self._detach(key, common)
        common.needed_by.add(piece)
        self._needs[piece].add(key)
        self._attach(key, common)

    def take(self, key: str, piece: str) -> None:
        """Let the *piece* need the bytes *key* no more."""
        common = self._commons.get(key)
        if common is None or piece not in common.needed_by:
            return
        self._detach(key, common)
        common.needed_by.discard(piece)
        self._needs[piece].discard(key)
        self._attach(key, common)

    def keys_of(self, piece: str) -> tuple[str, ...]:
        """Return what the *piece* needs beside its own bytes."""
        return tuple(self._needs.get(piece, ()))

    def _detach(self, key: str, common: Common) -> None:
        if self._shared.pop(key, None) is not None:
            for piece in common.needed_by:
                if not any(each in self._shared for each in self._needs[piece]):
                    self._stretch[piece].marked.discard(piece)
        elif common.needed_by:
            (piece,) = common.needed_by
            self._change(self._stretch[piece], common.part, -common.size)

    def _attach(self, key: str, common: Common) -> None:
        if not common.needed_by:
            del self._commons[key]
        elif len(common.needed_by) == 1:
            (piece,) = common.needed_by
            self._change(self._stretch[piece], common.part, common.size)
        else:
            self._shared[key] = common
            for piece in common.needed_by:
                self._stretch[piece].marked.add(piece)

    # --- Holders ------------------------------------------------------------------------------

    def hold(self, piece: str) -> Stretch:
        """Note that somebody needs the *piece*; return what `release` and `freed` are to know."""
        stretch = self._cut(self._stretch[piece], piece)
        stretch.needed += 1
        return stretch

    def release(self, stretch: Stretch) -> None:
        """Note that one who needed the highest piece of *stretch* does so no more."""
        stretch.needed -= 1

    def count(self, stretch: Stretch | None, *, images: int, weight: int) -> None:
        """Add so many images and so much weight to *stretch* and all below it."""
        while stretch is not None:
            self._sums.add(stretch, -1)
            stretch.images += images
            stretch.weight += weight
            self._sums.add(stretch, 1)
            stretch = stretch.below

    # --- Questions ----------------------------------------------------------------------------

    def freed(self, holdings: Iterable[Stretch]) -> int:
        """Return the bytes that come free if holders let go, who need the highest of *holdings*."""
        left: dict[Stretch, int] = {}
        gone: list[Stretch] = []

        def take_off(stretch: Stretch) -> None:
            left[stretch] = left.get(stretch, stretch.needed) - 1
            if left[stretch] == 0:
                gone.append(stretch)

        for stretch in holdings:
            take_off(stretch)
        freed = 0
        # It grows while it is walked: what stood on nothing else falls too.
        for stretch in gone:
            freed += stretch.total
            if stretch.below is not None:
                take_off(stretch.below)
        return freed + self._shared_freed(gone)

    def _shared_freed(self, gone: Iterable[Stretch]) -> int:
        counts: dict[str, int] = defaultdict(int)
        for stretch in gone:
            for piece in stretch.marked:
                for key in self._needs[piece]:
                    counts[key] += 1
        return sum(
            self._shared[key].size
            for key, count in counts.items()
            if key in self._shared and count == len(self._shared[key].needed_by)
        )

    def layer_bytes(self, stretch: Stretch | None) -> int:
        """Return the bytes of the layers of *stretch* and of all below it."""
        total = 0
        while stretch is not None:
            total += stretch.parts[Part.LAYER]
            stretch = stretch.below
        return total

    def sums(self) -> Sums:
        """Return the bytes of everything by who has it."""
        sums = Sums()
        for name in Sums.__slots__:
            setattr(sums, name, getattr(self._sums, name))
        for common in self._shared.values():
            standing = [self._stretch[each] for each in common.needed_by]
            images = sum(each.images for each in standing)
            sums.add_common(common, images, sum(each.weight for each in standing))
        return sums
