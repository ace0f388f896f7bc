"""
Archives that browsers send, on their way into the engine.

A web process hands pieces to the agent of the host, which writes them to a file below the engine
root; a job of the same host loads it. What nobody loaded goes after a day.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import InvalidInput, LimitExceeded, NotFound, from_oserror

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

MOST_BYTES = 8 << 30
MOST_TOGETHER = 4 * MOST_BYTES
KEPT_SECONDS = 24 * 60 * 60
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Uploads:
    """The uploads in *directory*."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, upload: str, offset: int, content: bytes) -> int:
        """
        Write *content* at *offset*, where the upload ends so far, and return its new length.

        The same piece twice is fine; a gap raises `InvalidInput`, too much `LimitExceeded`.
        """
        path = self._path(upload)
        if offset + len(content) > MOST_BYTES:
            raise LimitExceeded("the archive", limit=MOST_BYTES, field="archive")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if offset == 0:
                self.sweep()
                self._check_room()
            with path.open("r+b" if path.exists() else "w+b") as file:
                if offset > file.seek(0, 2):
                    raise InvalidInput("a piece of the upload is missing")
                file.truncate(offset)
                file.seek(offset)
                file.write(content)
        except OSError as error:
            raise from_oserror(error, "keep the upload") from error
        return offset + len(content)

    @contextmanager
    def opened(self, upload: str) -> Iterator[BinaryIO]:
        """Open the whole upload; raise `NotFound`."""
        try:
            with self._path(upload).open("rb") as stream:
                yield stream
        except FileNotFoundError as error:
            raise NotFound("The upload is not on this host any more; send it again") from error

    def discard(self, upload: str) -> None:
        """Remove the upload, if it is there."""
        self._path(upload).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what nobody loaded within a day."""
        before = time.time() - KEPT_SECONDS
        for path in self._directory.iterdir():
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _check_room(self) -> None:
        if sum(each.stat().st_size for each in self._directory.iterdir()) > MOST_TOGETHER:
            what = "the size of all uploads that wait to be loaded"
            raise LimitExceeded(what, limit=MOST_TOGETHER, field="archive")

    def _path(self, upload: str) -> Path:
        if not _NAME.fullmatch(upload):
            raise InvalidInput("that is no upload")
        return self._directory / upload
