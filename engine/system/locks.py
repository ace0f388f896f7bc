"""
Locks between processes that the kernel gives back when the holder dies.

A lock is an open file description with flock(2) on it; threads of one process exclude each other
too, because each holding opens the file anew. A file may be removed by whoever holds its lock: the
next holder sees that it stands on a removed file and starts over, so that two holders never stand
on two different files of one name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Locks:
    """Named locks in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Wait for the lock *name* and hold it until the block ends."""
        descriptor = self._acquire(name)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def shared(self, name: str) -> Iterator[None]:
        """Hold the lock *name* during the block beside others who share it, and nobody else."""
        descriptor = self._acquire(name, fcntl.LOCK_SH)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def tried(self, name: str) -> Iterator[bool]:
        """Hold the lock *name* during the block if nobody else does; yields whether it is held."""
        descriptor = self._open(name)
        try:
            yield _try_exclusive(descriptor) and not _is_removed(descriptor)
        finally:
            os.close(descriptor)

    def discard(self, name: str) -> None:
        """Remove the file of *name*; only while holding it, or for a name that is used once."""
        (self._directory / _file_name(name)).unlink(missing_ok=True)

    def _acquire(self, name: str, kind: int = fcntl.LOCK_EX) -> int:
        while True:
            descriptor = self._open(name)
            try:
                fcntl.flock(descriptor, kind)
            except BaseException:
                os.close(descriptor)
                raise
            if not _is_removed(descriptor):
                return descriptor
            os.close(descriptor)

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._directory / _file_name(name), flags, 0o600)


def _file_name(name: str) -> str:
    # A name may hold slashes and be long; only its identity matters here.
    return hashlib.sha256(name.encode(), usedforsecurity=False).hexdigest()[:32]


def _is_removed(descriptor: int) -> bool:
    return os.fstat(descriptor).st_nlink == 0


def _try_exclusive(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
