"""
What became of each path through the layers of an image: pure, over the layers' indexes.

All indexes are sorted alike, a directory right before what is in it, so one pass over all of them
at once tells the story of one path after the other, and holds only the directories above it.
"""

from __future__ import annotations

import enum
import heapq
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from engine.layers.index import FileKind, sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.layers.index import LayerFile


class Change(enum.StrEnum):
    """What a layer did to a path, in the letters that docker shows."""

    ADDED = "A"
    CHANGED = "C"
    REMOVED = "D"


class Step(NamedTuple):
    """
    What the layer of that number, counted from the lowest, did to a path.

    *file* is what it brought, None where it removed the path. *is_implied* where the layer does not
    name the path, but removed a directory above it.
    """

    layer: int
    change: Change
    file: LayerFile | None
    is_implied: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """One path, and what the layers did to it, the lowest first; never without a step."""

    path: bytes
    steps: tuple[Step, ...]

    @property
    def visible(self) -> LayerFile | None:
        """What a container sees there, None where nothing is left."""
        return self.steps[-1].file

    @property
    def wasted_bytes(self) -> int:
        """What the layers hold of the path and no container sees."""
        held = sum(step.file.size for step in self.steps if step.file and _has_bytes(step.file))
        seen = self.visible
        return held - (seen.size if seen and _has_bytes(seen) else 0)


def iter_stories(layers: Sequence[Iterable[LayerFile]]) -> Iterator[Story]:
    """Yield the story of every path that *layers*, the lowest first, tell of, in their order."""
    above = _Above()
    numbered = [_numbered(number, files) for number, files in enumerate(layers)]
    for path, told in groupby(heapq.merge(*numbered), key=lambda each: each.file.path):
        entries = list(told)
        hidden = above.enter(path, entries)
        steps = tuple(_steps(entries, hidden))
        if steps:
            yield Story(path, steps)


class _Numbered(NamedTuple):
    key: bytes
    layer: int
    is_file: bool  # marks come before files, because they are about the layers below
    file: LayerFile


def _numbered(number: int, files: Iterable[LayerFile]) -> Iterator[_Numbered]:
    held: list[_Numbered] = []
    for file in files:
        key = sort_key(file.path)
        if held and held[0].key != key:
            yield from sorted(held, key=lambda each: each.is_file)
            held.clear()
        held.append(_Numbered(key, number, not file.is_mark, file))
    yield from sorted(held, key=lambda each: each.is_file)


class _Above:
    """The directories above the path at hand, and in which layers each hid all that was below."""

    def __init__(self) -> None:
        self._stack: list[tuple[bytes, frozenset[int]]] = []

    def enter(self, path: bytes, entries: Sequence[_Numbered]) -> frozenset[int]:
        """Go to *path*; return the layers that hid what the layers below them have there."""
        while self._stack and not _is_below(path, self._stack[-1][0]):
            self._stack.pop()
        hidden = self._stack[-1][1] if self._stack else frozenset()
        hides = {each.layer for each in entries if each.file.kind is not FileKind.DIRECTORY}
        self._stack.append((path, hidden | hides))
        return hidden


def _is_below(path: bytes, directory: bytes) -> bool:
    return not directory or path.startswith(directory + b"/")


def _steps(entries: Sequence[_Numbered], hidden: frozenset[int]) -> Iterator[Step]:
    is_there = False
    waiting = sorted(hidden)
    for entry in entries:
        while waiting and waiting[0] <= entry.layer:
            if is_there:
                yield Step(waiting[0], Change.REMOVED, None, is_implied=True)
            is_there = False
            waiting.pop(0)
        kind = entry.file.kind
        if kind is FileKind.WHITEOUT and is_there:
            yield Step(entry.layer, Change.REMOVED, None)
        if not entry.file.is_mark:
            change = Change.CHANGED if is_there else Change.ADDED
            yield Step(entry.layer, change, entry.file)
        if kind is not FileKind.OPAQUE:
            is_there = kind is not FileKind.WHITEOUT
    if waiting and is_there:
        yield Step(waiting[0], Change.REMOVED, None, is_implied=True)


def _has_bytes(file: LayerFile) -> bool:
    return file.kind is FileKind.FILE
