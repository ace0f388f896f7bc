"""Opening the packed bytes of a layer."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard
from isal import igzip, isal_zlib

from engine.errors import InvalidLayer
from engine.oci.media_types import Compression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# Frames that carry no data; some packers put a table of contents into one.
_ZSTD_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_HEAD_BYTES = 4
_READ_BYTES = 1 << 20
# Memory for one frame; what `zstd --ultra` needs unless told to go further.
_ZSTD_WINDOW = 128 << 20
_IGZIP_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance
_DAMAGE = (OSError, EOFError, _IGZIP_ERROR, zstandard.ZstdError)


def sniff(head: bytes) -> Compression:
    """Return how content that begins with *head* (4 bytes are enough) is packed."""
    if head.startswith(GZIP_MAGIC):
        return Compression.GZIP
    if head.startswith(ZSTD_MAGIC) or int.from_bytes(head[:4], "little") in _ZSTD_SKIPPABLE:
        return Compression.ZSTD
    return Compression.NONE


class LayerStream(io.RawIOBase):
    """
    The unpacked bytes of a layer; `packed_bytes` says how many packed ones they took so far.

    Damage raises `InvalidLayer` where it is met. Several gzip members or zstd frames in a row read
    as one, as their formats have it; anything else after the last one is damage.
    """

    def __init__(self, packed: BinaryIO, compression: Compression) -> None:
        self._packed = _Counted(packed)
        self._compression = compression
        found = sniff(self._packed.peek(_HEAD_BYTES))
        if found is not compression:
            raise InvalidLayer(
                f"its media type says {_WORDS[compression]}, its bytes are {_WORDS[found]}"
            )
        self._unpacked = _opened(self._packed, compression)

    @property
    def packed_bytes(self) -> int:
        """How many packed bytes were read so far."""
        return self._packed.count

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill *buffer* with the next bytes; 0 at the end."""
        content = self.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* of the next bytes; none at the end."""
        if self._compression is Compression.NONE:
            return self._packed.read(size)
        with _damage_named(self._compression):
            return self._unpacked.read(size)


def open_layer(packed: BinaryIO, compression: Compression) -> LayerStream:
    """
    Return the unpacked bytes of *packed*, which stays open.

    Raises `InvalidLayer` if it does not begin as *compression* says.
    """
    return LayerStream(packed, compression)


_WORDS = {
    Compression.NONE: "not compressed",
    Compression.GZIP: "gzip",
    Compression.ZSTD: "zstd",
}


class _Counted(io.RawIOBase):
    """Counts what is read, and can look ahead before the first read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._head = b""
        self.count = 0

    def peek(self, size: int) -> bytes:
        while len(self._head) < size and (piece := self._stream.read(size - len(self._head))):
            self._head += piece
        return self._head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        if self._head:
            content, self._head = self._head, b""
        else:
            content = self._stream.read(size)
        self.count += len(content)
        return content


def _opened(packed: _Counted, compression: Compression) -> BinaryIO:
    if compression is Compression.GZIP:
        buffered = io.BufferedReader(packed, _READ_BYTES)
        return cast("BinaryIO", igzip.IGzipFile(fileobj=buffered))  # type: ignore[no-untyped-call]
    if compression is Compression.ZSTD:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        return unpacker.stream_reader(
            cast("BinaryIO", packed), read_size=_READ_BYTES, read_across_frames=True
        )
    return cast("BinaryIO", packed)


@contextmanager
def _damage_named(compression: Compression) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise InvalidLayer(f"its {_WORDS[compression]} data is damaged: {error}") from error
