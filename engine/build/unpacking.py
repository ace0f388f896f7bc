"""Bytes that may be packed in any way that tars are: gzip, zstd, bzip2, xz, or not at all."""

from __future__ import annotations

import bz2
import io
import lzma
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from engine.errors import InvalidLayer
from engine.layers.compression import open_layer, sniff

if TYPE_CHECKING:
    from collections.abc import Callable

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
