"""
Room on the disk that is kept for the records.

To remove something is to change a record, and that takes a few blocks: on a disk that is full to
the last one nothing could ever be removed. So some room is taken while there is plenty, and given
up once the records find no other.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BYTES = 1024 * 1024
PLENTY = 8 * BYTES


class Reserve:
    """The file *path*, whose content is of no interest; safe between processes."""

    def __init__(self, path: Path, *, plenty: int = PLENTY) -> None:
        self._path = path
        self._plenty = plenty
        self._was_given = False

    def keep(self) -> None:
        """Have the room, unless the disk has less than plenty; that it cannot be is no error."""
        with suppress(OSError):
            status = os.statvfs(self._path.parent)
            if status.f_bavail * status.f_frsize >= self._plenty:
                self._was_given = False
                self._take()

    def keep_again(self) -> None:
        """Do `keep` if this process has given the room up."""
        if self._was_given:
            self.keep()

    def give_up(self) -> None:
        """Give the room to whoever writes next."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._was_given = True

    def _take(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, BYTES)
        finally:
            os.close(descriptor)
