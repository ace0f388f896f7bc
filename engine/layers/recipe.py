"""
Recipes: how to make the exact tar of a layer again from its files.

A recipe holds every byte of the tar that is not content of a file in the snapshot, packed, and
where content stood a reference to the file. Content that a later entry of the same tar replaced is
kept in the recipe itself, so there is a recipe for every tar.

On disk it is a row of frames (a letter, a length, so many bytes): parts of the packed stream,
content that was replaced, and at the end the list of the latter.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import CorruptStore
from engine.layers.trees import Tree
from engine.system.files import iter_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from engine.layers.entries import Segment
    from engine.layers.index import OpenNote

RECIPE = "recipe"
FRAME = struct.Struct("<cQ")
LITERAL = struct.Struct("<cI")
# tag, number of the entry in the tar, length of the path, number of segments, bytes in all
REFERENCE = struct.Struct("<cIHIQ")
SEGMENT = struct.Struct("<QQ")
TRAILER = struct.Struct("<Q8s")
MAGIC = b"SHPRECP1"
PACKED, REPLACED, TABLE = b"Z", b"S", b"E"
IS_LITERAL, IS_REFERENCE = b"L", b"F"
_LEVEL = 1
_FLUSH_BYTES = 1 << 17
_CHUNK = 1 << 20
_LARGEST_TABLE = 256 << 20


class RecipeWriter:
    """Writes a recipe to the open file *output* while its tar passes by; runs confined."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._packer = zlib.compressobj(_LEVEL)
        self._literal: list[bytes] = []
        self._literal_bytes = 0
        self._replaced: list[tuple[str, int, int]] = []

    def literal(self, content: bytes) -> None:
        """Note bytes of the tar that are not content of a file."""
        self._literal.append(content)
        self._literal_bytes += len(content)
        if self._literal_bytes >= _FLUSH_BYTES:
            self._flush()

    def reference(
        self, path: bytes, entry: int, size: int, segments: Sequence[Segment] | None
    ) -> None:
        """Note that here stood the *size* bytes of *path*, or of its *segments*."""
        self._flush()
        parts = segments or ()
        head = REFERENCE.pack(IS_REFERENCE, entry, len(path), len(parts), size)
        self._pack(b"".join((head, path, *(SEGMENT.pack(*each) for each in parts))))

    def replace(self, path: bytes, entry: int) -> None:
        """Keep the content of the file *path*, because the entry of that number replaces it."""
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            size = os.fstat(source).st_size
            self._frame(REPLACED, size)
            start = os.lseek(self._output, 0, os.SEEK_CUR)
            self._replaced.append((os.fsdecode(path), entry, start))
            _copy(source, self._output, start, size)
        finally:
            os.close(source)

    def finish(self) -> None:
        """Write all that is left."""
        self._flush()
        self._emit(self._packer.flush())
        at = os.lseek(self._output, 0, os.SEEK_CUR)
        table = zlib.compress(json.dumps(self._replaced).encode(), _LEVEL)
        self._frame(TABLE, len(table))
        write_all(self._output, table + TRAILER.pack(at, MAGIC))

    def _flush(self) -> None:
        if self._literal_bytes:
            content = b"".join(self._literal)
            self._pack(LITERAL.pack(IS_LITERAL, len(content)) + content)
            self._literal.clear()
            self._literal_bytes = 0

    def _pack(self, content: bytes) -> None:
        self._emit(self._packer.compress(content))

    def _emit(self, packed: bytes) -> None:
        if packed:
            self._frame(PACKED, len(packed))
            write_all(self._output, packed)

    def _frame(self, letter: bytes, length: int) -> None:
        write_all(self._output, FRAME.pack(letter, length))


class _Reference(NamedTuple):
    entry: int
    path: bytes
    size: int
    segments: tuple[tuple[int, int], ...]


def iter_tar(notes: OpenNote, files: Path) -> Iterator[bytes]:
    """
    Yield the tar that the recipe among *notes* tells of, in pieces, with content from *files*.

    Raises `CorruptStore` where a file is gone or has another size; whether the content is right,
    whoever takes the tar must find out by its digest.
    """
    with notes(RECIPE) as stream, Tree(files) as tree:
        reader = _Reader(stream.fileno(), files)
        for part in reader.parts():
            if isinstance(part, bytes):
                yield part
            else:
                yield from reader.content(part, tree)


class _Reader:
    def __init__(self, descriptor: int, files: Path) -> None:
        self._descriptor = descriptor
        self._files = files
        self._end, table = self._table()
        self._replaced: dict[bytes, list[tuple[int, int]]] = {}
        for name, entry, offset in table:
            self._replaced.setdefault(os.fsencode(name), []).append((entry, offset))

    def parts(self) -> Iterator[bytes | _Reference]:
        """Yield literal bytes and references, in the order of the tar."""
        stream = _Unpacked(self._packed(), self._damage)
        while tag := stream.take(1, may_end=True):
            if tag == IS_LITERAL:
                (length,) = struct.unpack("<I", stream.take(LITERAL.size - 1))
                yield stream.take(length)
            else:
                yield self._reference(stream)

    def content(self, reference: _Reference, tree: Tree) -> Iterator[bytes]:
        """Yield the bytes that *reference* stands for."""
        for entry, offset in self._replaced.get(reference.path, ()):
            if entry > reference.entry:
                yield from self._stretches(self._descriptor, reference, offset)
                return
        try:
            with tree.opened(reference.path) as descriptor:
                yield from self._stretches(descriptor, reference, 0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._damage(f"{os.fsdecode(reference.path)} is gone") from error

    def _stretches(self, descriptor: int, reference: _Reference, start: int) -> Iterator[bytes]:
        for offset, length in reference.segments or ((0, reference.size),):
            at, end = start + offset, start + offset + length
            while at < end:
                piece = os.pread(descriptor, min(end - at, _CHUNK), at)
                if not piece:
                    raise self._damage(f"{os.fsdecode(reference.path)} is too short")
                at += len(piece)
                yield piece

    def _reference(self, stream: _Unpacked) -> _Reference:
        head = IS_REFERENCE + stream.take(REFERENCE.size - 1)
        _, entry, path_length, count, size = REFERENCE.unpack(head)
        path = stream.take(path_length)
        packed = stream.take(count * SEGMENT.size)
        return _Reference(entry, path, size, tuple(SEGMENT.iter_unpack(packed)))

    def _packed(self) -> Iterator[bytes]:
        at = 0
        while at < self._end:
            letter, length = FRAME.unpack(self._read(at, FRAME.size))
            at += FRAME.size
            if letter == PACKED:
                yield self._read(at, length)
            at += length

    def _table(self) -> tuple[int, list[tuple[str, int, int]]]:
        size = os.fstat(self._descriptor).st_size
        trailer = os.pread(self._descriptor, TRAILER.size, max(0, size - TRAILER.size))
        if len(trailer) != TRAILER.size or not trailer.endswith(MAGIC):
            raise self._damage("it is cut short")
        at = TRAILER.unpack(trailer)[0]
        _, length = FRAME.unpack(self._read(at, FRAME.size))
        packed = self._read(at + FRAME.size, length)
        table = json.loads(zlib.decompressobj().decompress(packed, _LARGEST_TABLE))
        return at, table

    def _read(self, at: int, length: int) -> bytes:
        content = os.pread(self._descriptor, length, at)
        if len(content) != length:
            raise self._damage("it is cut short")
        return content

    def _damage(self, reason: str) -> CorruptStore:
        return CorruptStore(f"the tar of the layer in {self._files} cannot be made again: {reason}")


class _Unpacked:
    """The packed stream, unpacked as far as somebody asks."""

    def __init__(self, packed: Iterator[bytes], damage: Callable[[str], CorruptStore]) -> None:
        self._packed = packed
        self._damage = damage
        self._unpacker = zlib.decompressobj()
        self._buffer = b""
        self._at = 0

    def take(self, length: int, *, may_end: bool = False) -> bytes:
        """Return the next *length* bytes; none at the end, where that is right."""
        while len(self._buffer) - self._at < length:
            if not self._fill():
                if may_end and self._at == len(self._buffer):
                    return b""
                raise self._damage("it ends too early")
        taken = self._buffer[self._at : self._at + length]
        self._at += length
        return taken

    def _fill(self) -> bool:
        packed = self._unpacker.unconsumed_tail or next(self._packed, b"")
        if not packed:
            return False
        try:
            more = self._unpacker.decompress(packed, _CHUNK)
        except zlib.error as error:
            raise self._damage(str(error)) from error
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return True


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of *content*."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _copy(source: int, target: int, start: int, size: int) -> None:
    """Copy *size* bytes to *start*; holes stay holes."""
    for offset, length in iter_data(source):
        at, end = offset, offset + length
        while at < end:
            piece = os.pread(source, min(_CHUNK, end - at), at)
            os.pwrite(target, piece, start + at)
            at += len(piece)
    os.ftruncate(target, start + size)
    os.lseek(target, start + size, os.SEEK_SET)
