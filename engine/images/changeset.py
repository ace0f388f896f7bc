"""The tar of what a container's snapshot changed, whatever snapshotter keeps it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.layers.changeset import iter_changeset, iter_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.snapshots.snapshotter import Snapshotter


def open_changeset(snapshotter: Snapshotter, key: str) -> BinaryIO:
    """
    Open the tar of all that the active snapshot *key* changed against its parent.

    The snapshot may be mounted and in use: then it is as consistent as what writes to it. Raises
    `SnapshotNotFound`.
    """
    return cast("BinaryIO", ChunkStream(_changes(snapshotter, key)))


def _changes(snapshotter: Snapshotter, key: str) -> Iterator[bytes]:
    snapshot = snapshotter.get(key)
    upper = snapshotter.changes_directory(key)
    if upper is not None:
        below = snapshotter.layer_directories(snapshot.parent) if snapshot.parent else []
        return iter_changeset(upper, below)
    trees = snapshotter.whole_trees(key)
    assert trees is not None
    return iter_difference(*trees)


class ChunkStream(io.RawIOBase):
    """Chunks as they are made, to be read once as a file is."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* of the next bytes, as many as are here; none at the end."""
        if size < 0:
            return b"".join([bytes(self._rest), *self._chunks])
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        content, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return content
