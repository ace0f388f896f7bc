"""Writing the index of a layer while it is applied (`index` says what it is); runs confined."""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING

from engine.layers.index import BLOCK_BYTES, KINDS, MAGIC, RECORD, TRAILER, FileKind, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.layers.entries import Entry, Kind

_RUN_ENTRIES = 1 << 15
_LEVEL = 1
_NUMBERS = {kind.value: number for number, kind in enumerate(KINDS)}
_WHITEOUT, _OPAQUE = KINDS.index(FileKind.WHITEOUT), KINDS.index(FileKind.OPAQUE)


class IndexWriter:
    """Takes entries in the order of the tar, and writes a run whenever it holds a whole one."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._offset = 0
        self._run: list[tuple[bytes, int, int, bytes]] = []
        self._runs = 0
        self._sequence = 0
        self._blocks: list[tuple[int, int, int, str]] = []
        self._dropped: dict[bytes, int] = {}
        self._kinds: dict[Kind, int] = {}

    def add(self, path: bytes, entry: Entry, digest: bytes = b"", link: bytes = b"") -> None:
        """Note that *entry* was made at *path*."""
        kind = self._kinds.get(entry.kind)
        if kind is None:
            kind = self._kinds[entry.kind] = _NUMBERS[entry.kind.value]
        self._put(path, kind, (entry.mode, entry.uid, entry.gid, entry.size), link, digest)

    def white_out(self, path: bytes) -> None:
        """Note that *path* is removed from the layers below."""
        self._put(path, _WHITEOUT, (0, 0, 0, 0))

    def make_opaque(self, path: bytes) -> None:
        """Note that nothing of the layers below shows in the directory *path*."""
        self._put(path, _OPAQUE, (0, 0, 0, 0))

    def drop(self, path: bytes) -> None:
        """Note that what was told of *path* and all below it holds no longer."""
        self._dropped[path] = self._sequence

    def finish(self) -> None:
        """Write all that is left."""
        self._flush()
        footer = {
            "blocks": self._blocks,
            "dropped": [(os.fsdecode(path), last) for path, last in self._dropped.items()],
            "entries": self._sequence,
        }
        packed = zlib.compress(json.dumps(footer).encode(), _LEVEL)
        self._write(packed + TRAILER.pack(self._offset, len(packed), MAGIC))

    def _put(
        self,
        path: bytes,
        kind: int,
        facts: tuple[int, int, int, int],
        link: bytes = b"",
        digest: bytes = b"",
    ) -> None:
        self._sequence += 1
        mode, uid, gid, size = facts
        head = RECORD.pack(
            self._sequence, kind, mode, uid, gid, size, len(path), len(link), bool(digest)
        )
        record = b"".join((head, path, link, digest))
        self._run.append((sort_key(path), kind == _OPAQUE, self._sequence, record))
        if len(self._run) >= _RUN_ENTRIES:
            self._flush()

    def _flush(self) -> None:
        self._run.sort()
        pieces: list[bytes] = []
        first, length = b"", 0
        for key, _, _, record in self._run:
            if not pieces:
                first = key
            pieces.append(record)
            length += len(record)
            if length >= BLOCK_BYTES:
                self._write_block(first, pieces)
                pieces, length = [], 0
        if pieces:
            self._write_block(first, pieces)
        self._run.clear()
        self._runs += 1

    def _write_block(self, first: bytes, pieces: list[bytes]) -> None:
        packed = zlib.compress(b"".join(pieces), _LEVEL)
        self._write(packed)
        self._blocks.append((self._runs, self._offset, len(packed), os.fsdecode(first)))
        self._offset += len(packed)
