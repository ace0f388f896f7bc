"""
Marks: files by which a whole family of processes can be found and ended.

Whoever is started with the open descriptor of a mark holds it, and so does every process that comes
of it and does not close it: also between fork and exec, when nothing else tells who it will be. The
kernel keeps a lock on the mark for as long as one of them lives.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.system.processes import kill_and_wait

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
SHORTEST_PAUSE = 0.001
LONGEST_PAUSE = 0.05


@contextmanager
def marked(path: Path) -> Iterator[int]:
    """Yield the descriptor of a new mark at *path*, to be passed on; this process lets go after."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether any process holds the mark at *path*; nobody holds one that is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def end_holders(path: Path, *, timeout: float) -> bool:
    """Kill every other process that holds the mark at *path*; return whether none is left."""
    deadline = time.monotonic() + timeout
    pause = SHORTEST_PAUSE
    while is_held(path):
        if time.monotonic() > deadline:
            return False
        kill_and_wait(_list_holders(path), timeout=timeout)
        # One of them may have had a child in the meantime.
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return True


def _list_holders(path: Path) -> list[int]:
    status = path.stat()
    wanted = (status.st_dev, status.st_ino)
    pids = [int(each.name) for each in PROC.iterdir() if each.name.isdecimal()]
    return [pid for pid in pids if pid != os.getpid() and _holds(pid, wanted)]


def _holds(pid: int, wanted: tuple[int, int]) -> bool:
    directory = PROC / str(pid) / "fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    return any(_identity(directory / name) == wanted for name in names)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
