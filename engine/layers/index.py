"""
The index of a layer: every path that its tar brought or removed, written while it was applied.

It is kept with the layer, and is read without looking at the layer's files. Records are sorted so
that a directory stands right before all that is in it, in *runs* of so many entries as the writer
holds in memory; a run is cut into packed *blocks*. So reading holds one block of each run, finding
a path unpacks one block of each, and finding a digest looks through the unpacked bytes without
taking records apart.
"""

from __future__ import annotations

import enum
import heapq
import json
import os
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import CorruptStore, from_oserror
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    # Opens what is kept about a layer, by its name; `FileNotFoundError` where there is no such.
    OpenNote = Callable[[str], BinaryIO]

INDEX = "index"
MAGIC = b"SHPINDX1"
# sequence kind mode uid gid size, length of path and link, whether a digest follows
RECORD = struct.Struct("<IBHIIQHH?")
TRAILER = struct.Struct("<QI8s")
BLOCK_BYTES = 1 << 16
_LARGEST_BLOCK = 1 << 20
_LARGEST_FOOTER = 256 << 20
_DIGEST_BYTES = 32


class FileKind(enum.StrEnum):
    """What a path of a layer is; the last two say something about the layers below."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symbolic link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    DIRECTORY = "directory"
    FIFO = "fifo"
    WHITEOUT = "whiteout"
    OPAQUE = "opaque"


KINDS = tuple(FileKind)


@dataclass(frozen=True, slots=True)
class LayerFile:
    """
    One path of a layer, without a slash in front; `b""` is the root.

    *digest* is of the content of a regular file, None for the others and for sparse ones. *link* is
    where a symbolic link points, or the other path of a hard link. A *whiteout* removes the path
    from the layers below, *opaque* hides all that they have in the directory.
    """

    path: bytes
    kind: FileKind
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    digest: Digest | None = None
    link: bytes = b""

    @property
    def is_mark(self) -> bool:
        """Whether it is no file but says what happens to the layers below."""
        return self.kind in {FileKind.WHITEOUT, FileKind.OPAQUE}


class _Block(NamedTuple):
    run: int
    offset: int
    length: int
    first: bytes  # the sort key of its first path


class _Record(NamedTuple):
    """A record taken apart, in the order in which records sort."""

    key: bytes
    is_opaque: bool
    sequence: int
    file: LayerFile


def sort_key(path: bytes) -> bytes:
    """Return what paths are sorted by: a slash before every other byte."""
    return path.replace(b"/", b"\0")


def find_index(notes: OpenNote, layer: str) -> LayerIndex | None:
    """Return the index among the *notes* of what errors call *layer*, or None without one."""
    try:
        return LayerIndex(notes, layer)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_oserror(error, f"read the index of {layer}") from error


class LayerIndex:
    """The index of one layer. Any number of readers may use it at once."""

    def __init__(self, notes: OpenNote, layer: str) -> None:
        self._open, self._layer = partial(notes, INDEX), layer
        with self._open() as stream:
            footer = self._footer(stream.fileno())
        self._blocks = [
            _Block(run, offset, length, os.fsencode(first))
            for run, offset, length, first in footer["blocks"]
        ]
        self._dropped = {os.fsencode(path): last for path, last in footer["dropped"]}
        self.entries: int = footer["entries"]

    def __iter__(self) -> Iterator[LayerFile]:
        """Yield every path once, a directory right before what is in it."""
        runs: dict[int, list[_Block]] = {}
        for block in self._blocks:
            runs.setdefault(block.run, []).append(block)
        with self._open() as stream:
            streams = [self._records(stream.fileno(), blocks) for blocks in runs.values()]
            yield from _last_of_each(heapq.merge(*streams))

    def find(self, path: bytes) -> LayerFile | None:
        """Return what the layer has at *path*, or None; of an opaque directory the directory."""
        key, found = sort_key(path), None
        with self._open() as stream:
            for block in self._blocks_with(key):
                for record in self._records(stream.fileno(), [block]):
                    if record.key == key and not record.is_opaque:
                        found = max(found, record) if found else record
        return found.file if found else None

    def find_content(self, digest: Digest) -> Iterator[LayerFile]:
        """Yield the regular files whose content has *digest*."""
        needle = bytes.fromhex(digest.hex)
        with self._open() as stream:
            for block in self._blocks:
                content = self._unpacked(stream.fileno(), block)
                if needle in content:
                    records = self._parsed(content)
                    yield from (each.file for each in records if each.file.digest == digest)

    def _footer(self, descriptor: int) -> Mapping[str, Any]:
        size = os.fstat(descriptor).st_size
        trailer = os.pread(descriptor, TRAILER.size, max(0, size - TRAILER.size))
        if len(trailer) != TRAILER.size or not trailer.endswith(MAGIC):
            raise CorruptStore(f"the index of {self._layer} is cut short")
        offset, length, _ = TRAILER.unpack(trailer)
        content = self._inflated(os.pread(descriptor, length, offset), _LARGEST_FOOTER)
        footer: Mapping[str, Any] = json.loads(content)
        return footer

    def _blocks_with(self, key: bytes) -> Iterator[_Block]:
        """Yield of each run the blocks that may hold *key*."""
        runs: dict[int, list[_Block]] = {}
        for block in self._blocks:
            runs.setdefault(block.run, []).append(block)
        for blocks in runs.values():
            at = bisect_right(blocks, key, key=lambda block: block.first) - 1
            while at >= 0:
                yield blocks[at]
                # Entries of one path may go on over the edge of a block.
                at = at - 1 if blocks[at].first == key else -1

    def _records(self, descriptor: int, blocks: list[_Block]) -> Iterator[_Record]:
        for block in blocks:
            yield from self._parsed(self._unpacked(descriptor, block))

    def _unpacked(self, descriptor: int, block: _Block) -> bytes:
        return self._inflated(os.pread(descriptor, block.length, block.offset), _LARGEST_BLOCK)

    def _inflated(self, packed: bytes, limit: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(packed, limit)
        except zlib.error as error:
            raise CorruptStore(f"the index of {self._layer} is damaged: {error}") from error

    def _parsed(self, content: bytes) -> Iterator[_Record]:
        at, end = 0, len(content)
        while at < end:
            fields = RECORD.unpack_from(content, at)
            sequence, kind, mode, uid, gid, size, path_length, link_length, has_digest = fields
            at += RECORD.size
            path = content[at : at + path_length]
            at += path_length
            link = content[at : at + link_length]
            at += link_length
            digest = Digest(content[at : at + _DIGEST_BYTES].hex()) if has_digest else None
            at += _DIGEST_BYTES if has_digest else 0
            if self._dropped and self._is_dropped(path, sequence):
                continue
            file = LayerFile(path, KINDS[kind], size, mode, uid, gid, digest, link)
            yield _Record(sort_key(path), file.kind is FileKind.OPAQUE, sequence, file)

    def _is_dropped(self, path: bytes, sequence: int) -> bool:
        """Whether something later in the tar took away the entry, or a directory above it."""
        while path:
            if sequence <= self._dropped.get(path, 0):
                return True
            path = path.rpartition(b"/")[0]
        return False


def _last_of_each(records: Iterator[_Record]) -> Iterator[LayerFile]:
    """Yield of those that tell of one path the one that came last in the tar."""
    held: _Record | None = None
    for record in records:
        if held is not None and held[:2] != record[:2]:
            yield held.file
        held = record
    if held is not None:
        yield held.file
