"""
A place for bytes that cannot be understood yet: a file without a name.

It takes disk and no memory, and is gone with the process that made it, however that ends.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING

from engine.errors import from_oserror

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from _typeshed import ReadableBuffer, WriteableBuffer


class Spool:
    """Bytes written one after the other, of which any stretch can be read, in several threads."""

    def __init__(self, directory: Path) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise from_oserror(error, f"make a file in {directory}") from error
        self.size = 0

    def write(self, content: ReadableBuffer) -> None:
        """Append *content*."""
        remaining = memoryview(content)
        try:
            while remaining:
                written = self._file.write(remaining)
                self.size += written
                remaining = remaining[written:]
        except OSError as error:
            raise from_oserror(error, "write what is being loaded") from error

    def open(self, start: int, size: int) -> BinaryIO:
        """Return the *size* bytes from *start* on as a stream of their own."""
        return io.BufferedReader(_Stretch(self._file.fileno(), start, size), 1 << 20)

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Stretch(io.RawIOBase):
    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor = descriptor
        self._at = start
        self._end = start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")[: self._end - self._at]
        count = os.preadv(self._descriptor, [view], self._at) if view else 0
        self._at += count
        return count
