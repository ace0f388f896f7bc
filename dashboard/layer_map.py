"""The layers of one or more hosts as a picture: the largest as tiles, the rest of a host as one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.treemap import Rect, squarify

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dashboard.selectors.layers import HostSum, ShownLayer

# The picture is drawn in percent; this is how much wider than high it is on a usual screen.
PLACE = Rect(0, 0, 200, 100)
HEAD = 5.5
LETTER, PADDING = 1.25, 2.6
LABEL_WIDTH, LABEL_HEIGHT = 13.0, 7.5
SECOND_LINE = 12.0
# How many hold a layer, at least, for each deeper tone.
STEPS = (1, 2, 3, 6)


@dataclass(frozen=True, slots=True)
class Tile:
    """A layer in the picture, or with no *shown* the *count* smaller ones of its host."""

    rect: Rect
    size: int
    shown: ShownLayer | None = None
    count: int = 1

    @property
    def tone(self) -> int:
        """Which tone it has: 0 for what no image holds, then deeper the more hold it."""
        holders = self.shown.holder_count if self.shown else 0
        return sum(holders >= step for step in STEPS)

    @property
    def label(self) -> str:
        """As much of its name as fits, or nothing."""
        if self.rect.width < LABEL_WIDTH or self.rect.height < LABEL_HEIGHT:
            return ""
        name = self.shown.name if self.shown else f"{self.count} smaller"
        room = int((self.rect.width - PADDING) / LETTER)
        if len(name) > room:
            name = name.rpartition("/")[2]
        return name if len(name) <= room else f"{name[: room - 1]}…"

    @property
    def has_second_line(self) -> bool:
        """Whether its bytes fit below the label."""
        return bool(self.label) and self.rect.height >= SECOND_LINE


@dataclass(frozen=True, slots=True)
class Region:
    """One host in the picture."""

    host: str
    rect: Rect
    bytes: int
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class LayerMap:
    """The whole picture."""

    regions: tuple[Region, ...]

    @property
    def has_several(self) -> bool:
        """Whether hosts need to be told apart."""
        return len(self.regions) > 1


def layer_map(largest: Iterable[ShownLayer], sums: Sequence[HostSum]) -> LayerMap:
    """
    Return the picture of *sums*, in which each of *largest* is a tile.

    The tiles of a host come to exactly its bytes.
    """
    by_host: dict[str, list[ShownLayer]] = defaultdict(list)
    for each in largest:
        by_host[each.layer.host_id].append(each)
    drawn = sorted((each for each in sums if each.bytes), key=lambda each: -each.bytes)
    places = squarify([each.bytes for each in drawn], PLACE)
    head = HEAD if len(drawn) > 1 else 0.0
    return LayerMap(
        tuple(
            Region(each.host, place, each.bytes, _tiles(by_host[each.host], each, place, head))
            for each, place in zip(drawn, places, strict=True)
        )
    )


def _tiles(
    largest: Sequence[ShownLayer], told: HostSum, place: Rect, head: float
) -> tuple[Tile, ...]:
    rest = told.bytes - sum(each.layer.size for each in largest)
    parts: list[tuple[int, ShownLayer | None]] = [(each.layer.size, each) for each in largest]
    if rest > 0:
        parts.append((rest, None))
    parts.sort(key=lambda part: -part[0])
    rects = squarify([size for size, _ in parts], place.below(head))
    return tuple(
        Tile(rect, size, each, 1 if each else told.count - len(largest))
        for rect, (size, each) in zip(rects, parts, strict=True)
    )
