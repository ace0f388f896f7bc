"""
A place for bytes that cannot be understood yet: a file without a name.

It takes disk and, but for what is so little that no file is made for it, no memory; and it is gone
with the process that made it, however that ends.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING

from engine.errors import from_oserror

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from _typeshed import ReadableBuffer, WriteableBuffer


IN_MEMORY = 64 * 1024


class Spool:
    """
    Bytes written one after the other, of which any stretch can be read, in several threads.

    A file in *directory* takes them as soon as they are more than `IN_MEMORY`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._little = bytearray()
        self._file: FileIO | None = None
        self.size = 0

    def write(self, content: ReadableBuffer) -> None:
        """Append *content*."""
        remaining = memoryview(content).cast("B")
        if self._file is None and self.size + len(remaining) <= IN_MEMORY:
            self._little += remaining
            self.size += len(remaining)
            return
        if self._file is None:
            self._file = _made(self._directory)
            _write_all(self._file, memoryview(self._little))
        _write_all(self._file, remaining)
        self.size += len(remaining)

    def open(self, start: int, size: int) -> BinaryIO:
        """Return the *size* bytes from *start* on as a stream of their own."""
        if self._file is None:
            return io.BytesIO(self._little[start : start + size])
        return io.BufferedReader(_Stretch(self._file.fileno(), start, size), 1 << 20)

    def close(self) -> None:
        """Give the disk back."""
        if self._file is not None:
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


def _made(directory: Path) -> FileIO:
    try:
        return tempfile.TemporaryFile(dir=directory, buffering=0)
    except OSError as error:
        raise from_oserror(error, f"make a file in {directory}") from error


def _write_all(file: FileIO, content: memoryview) -> None:
    try:
        while content:
            content = content[file.write(content) :]
    except OSError as error:
        raise from_oserror(error, "write what is being loaded") from error


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
