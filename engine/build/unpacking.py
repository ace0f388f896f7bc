"""Bytes that may be packed in any way that tars are: gzip, zstd, bzip2, xz, or not at all."""

from __future__ import annotations

import bz2
import io
import lzma
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from engine.errors import InvalidLayer
from engine.layers.compression import open_layer, sniff
from engine.layers.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.layers.entries import Entry
    from engine.layers.tarstream import TarReader

BZIP2, XZ = b"BZh", b"\xfd7zXZ\x00"
HEAD_BYTES = 8
READ_BYTES = 1 << 20


class Unpacked:
    """
    The unpacked bytes of *stream*; `packed_bytes` says how many packed ones they took.

    How it is packed is told by its first bytes. Damage raises `InvalidLayer`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._counted = _Counted(stream)
        packed = io.BufferedReader(self._counted, READ_BYTES)
        self._read = _reader(packed)

    @property
    def packed_bytes(self) -> int:
        """How many packed bytes were read so far."""
        return self._counted.count

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* of the next bytes; none at the end."""
        try:
            return self._read(size)
        except (EOFError, lzma.LZMAError, ValueError) as error:
            raise InvalidLayer(f"its compression is damaged: {error}") from error


class Pieces(io.RawIOBase):
    """
    Pieces as a stream; a read gathers small ones.

    None of it is packed, so as many packed bytes were read as were given.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")
        self.packed_bytes = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* of the next bytes; none at the end."""
        wanted = size if size >= 0 else 1 << 62
        parts: list[memoryview] = []
        while wanted:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            part = self._rest[:wanted]
            self._rest = self._rest[len(part) :]
            wanted -= len(part)
            self.packed_bytes += len(part)
            parts.append(part)
        return b"".join(parts)


def iter_file(reader: TarReader, entry: Entry) -> Iterator[bytes]:
    """Yield the bytes of the file that *reader* is at, the holes of a sparse one filled."""
    if entry.kind is not Kind.FILE:
        return
    if entry.segments is None:
        yield from map(bytes, reader.iter_body())
        return
    at = 0
    for offset, length in entry.segments:
        yield from _zeros(offset - at)
        yield from map(bytes, reader.iter_body(length))
        at = offset + length
    yield from _zeros(entry.size - at)


def _zeros(count: int) -> Iterator[bytes]:
    chunk = bytes(min(count, READ_BYTES))
    while count > 0:
        yield chunk[:count]
        count -= len(chunk)


def _reader(packed: Any) -> Callable[[int], bytes]:
    head = packed.peek(HEAD_BYTES)[:HEAD_BYTES]
    if head.startswith(BZIP2):
        return bz2.BZ2File(packed).read
    if head.startswith(XZ):
        return lzma.LZMAFile(packed).read
    return open_layer(cast("BinaryIO", packed), sniff(head)).read


class _Counted(io.RawIOBase):
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        self.count += len(content)
        return len(content)
