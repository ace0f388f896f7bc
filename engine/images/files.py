"""
The files of images, told from the indexes of their layers: nothing is mounted and no file opened.

What each layer added, changed and removed; what of it no container sees; which layers hold a path
or a content; and in what two images differ.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine.errors import IndexMissing, LayerNotFound, LimitExceeded, NotFound
from engine.images.stories import Change, iter_stories
from engine.layers.index import FileKind, sort_key
from engine.layers.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.images.stories import Story
    from engine.layers.index import LayerFile as IndexedFile
    from engine.layers.index import LayerIndex
    from engine.oci.digest import ChainID, Digest

MOST_WASTED = 50


class LayerIndexes(Protocol):
    """Finds the index of a layer."""

    def __call__(self, chain_id: ChainID) -> LayerIndex | None:
        """Return the index of the layer, None where it has none; raise `SnapshotNotFound`."""


@dataclass(frozen=True, slots=True)
class LayerFile:
    """
    One path that a layer touched; *path* begins with a slash.

    *size* is the length of what the layer brought, 0 for what it removed; *digest* is of the
    content of a regular file.
    """

    path: str
    change: Change
    kind: FileKind
    size: int = 0
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """
    What one layer did: paths added, changed and removed, and the bytes that it brought.

    *wasted_bytes* of these are hidden by a layer above.
    """

    chain_id: ChainID
    added: int
    changed: int
    removed: int
    brought_bytes: int
    wasted_bytes: int


@dataclass(frozen=True, slots=True)
class WastedPath:
    """A path of which layers hold *wasted_bytes* that no container sees."""

    path: str
    wasted_bytes: int


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """What the layers of an image did, the lowest first; *wasted* are the worst paths first."""

    layers: tuple[LayerSummary, ...]
    wasted: tuple[WastedPath, ...]

    @property
    def wasted_bytes(self) -> int:
        """The bytes in all layers that no container of the image sees."""
        return sum(layer.wasted_bytes for layer in self.layers)


@dataclass(frozen=True, slots=True)
class LayerHit:
    """A layer that holds what was looked for, and where."""

    chain_id: ChainID
    path: str
    kind: FileKind
    size: int
    digest: Digest | None


class FileDifference(NamedTuple):
    """A path in which two images differ; sizes are those on either side, 0 where it is not."""

    path: str
    change: Change
    size_before: int
    size_after: int


class LayerFiles:
    """Answers about the files of the images of one engine root."""

    def __init__(
        self,
        images: ImageStore,
        find_index: LayerIndexes,
        own_directory: Callable[[ChainID], Path],
    ) -> None:
        self._images = images
        self._find_index = find_index
        self._own_directory = own_directory

    def of_layer(self, chain_id: ChainID) -> Iterator[LayerFile]:
        """
        Yield what the layer did to each path, a directory before what is in it.

        What goes with a directory that is removed is not listed again. Raises `LayerNotFound`, or
        `IndexMissing` where one of the layers has no index.
        """
        stack = self._stack(chain_id)
        top = len(stack) - 1
        for story in self._stories(stack):
            for step in story.steps:
                if step.layer == top and not step.is_implied:
                    yield _layer_file(story.path, step.change, step.file)

    def of_image(self, image: ImageRecord) -> ImageFiles:
        """Return what each layer of *image* did; raise `IndexMissing`."""
        names = (*Change, "brought", "wasted")
        counts: list[dict[str, int]] = [dict.fromkeys(names, 0) for _ in image.layers]
        wasted: list[tuple[int, bytes]] = []
        for story in self._stories(image.layers):
            _count(story, counts)
            if story.wasted_bytes:
                wasted.append((story.wasted_bytes, story.path))
                if len(wasted) > 100 * MOST_WASTED:
                    wasted = heapq.nlargest(MOST_WASTED, wasted)
        layers = (
            LayerSummary(layer.chain_id, n["A"], n["C"], n["D"], n["brought"], n["wasted"])
            for layer, n in zip(image.layers, counts, strict=True)
        )
        worst = heapq.nlargest(MOST_WASTED, wasted)
        return ImageFiles(tuple(layers), tuple(WastedPath(shown(p), size) for size, p in worst))

    def find(self, *, path: str = "", digest: Digest | None = None) -> Iterator[LayerHit]:
        """
        Yield the layers of this host that brought *path*, or a file whose content is *digest*.

        Layers without an index are passed over.
        """
        wanted = path.strip("/").encode("utf-8", "surrogateescape")
        for chain_id in self._images.list_chain_ids():
            index = self._find_index(chain_id)
            if index is None:
                continue
            found = index.find_content(digest) if digest else filter(None, [index.find(wanted)])
            yield from (_hit(chain_id, file) for file in found if not file.is_mark)

    def read(self, chain_id: ChainID, path: str, *, limit: int) -> bytes:
        """
        Return the content of the regular file that the layer brought at *path*.

        Raises `NotFound` where it brought none, or `LimitExceeded` over *limit* bytes.
        """
        name = path.strip("/").encode("utf-8", "surrogateescape")
        file = self._index(chain_id).find(name)
        if file is None or file.kind not in {FileKind.FILE, FileKind.HARD_LINK}:
            raise NotFound(f"the layer has no file {path[:200]}")
        with (
            Tree(self._own_directory(chain_id)) as tree,
            tree.opened(name) as descriptor,
            # The tree opened it, and closes it.
            open(descriptor, "rb", closefd=False) as stream,
        ):
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise LimitExceeded("the file", limit=limit, field="path")
        return content

    def differences(self, one: ImageRecord, other: ImageRecord) -> Iterator[FileDifference]:
        """Yield the paths in which *other* differs from *one*; raise `IndexMissing`."""
        sides = (self._visible(image, side) for side, image in enumerate((one, other)))
        merged = heapq.merge(*sides, key=lambda each: each[:2])
        for _, group in groupby(merged, key=lambda each: each[0]):
            files = {side: file for _, side, file in group}
            difference = _difference(files.get(0), files.get(1))
            if difference is not None:
                yield difference

    def _visible(self, image: ImageRecord, side: int) -> Iterator[tuple[bytes, int, IndexedFile]]:
        for story in self._stories(image.layers):
            if story.visible is not None:
                yield sort_key(story.path), side, story.visible

    def _stories(self, layers: Sequence[LayerRecord]) -> Iterator[Story]:
        return iter_stories([self._index(layer.chain_id) for layer in layers])

    def _index(self, chain_id: ChainID) -> LayerIndex:
        index = self._find_index(chain_id)
        if index is None:
            raise IndexMissing(chain_id)
        return index

    def _stack(self, chain_id: ChainID) -> tuple[LayerRecord, ...]:
        stack = self._images.stack_below(chain_id)
        if not stack:
            raise LayerNotFound(chain_id)
        return stack


def shown(path: bytes) -> str:
    """Return *path* as people write it; bytes that are no UTF-8 survive as escapes."""
    return "/" + path.decode("utf-8", "surrogateescape")


def _layer_file(path: bytes, change: Change, file: IndexedFile | None) -> LayerFile:
    if file is None:
        return LayerFile(shown(path), change, FileKind.WHITEOUT)
    return LayerFile(shown(path), change, file.kind, file.size, file.digest)


def _count(story: Story, counts: list[dict[str, int]]) -> None:
    seen = story.visible
    for step in story.steps:
        if not step.is_implied:
            counts[step.layer][step.change.value] += 1
        if step.file is not None and step.file.kind is FileKind.FILE:
            counts[step.layer]["brought"] += step.file.size
            if step.file is not seen:
                counts[step.layer]["wasted"] += step.file.size


def _hit(chain_id: ChainID, file: IndexedFile) -> LayerHit:
    return LayerHit(chain_id, shown(file.path), file.kind, file.size, file.digest)


def _difference(before: IndexedFile | None, after: IndexedFile | None) -> FileDifference | None:
    if before == after:
        return None
    path = (before or after).path  # type: ignore[union-attr]  # one of them is there
    if before is None or after is None:
        change = Change.ADDED if before is None else Change.REMOVED
    else:
        change = Change.CHANGED
    return FileDifference(
        shown(path), change, before.size if before else 0, after.size if after else 0
    )
