"""Chunks of bytes as a stream."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
