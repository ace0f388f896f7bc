"""
The wait that comes before a process is moved into a control group, begun before it is needed.

The kernel moves a process once it knows that nobody is in the middle of a fork; to learn that takes
5 to 15 ms (a grace period of RCU), and for about as long afterwards it need not learn it again.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.system.cgroup_files import group_of

if TYPE_CHECKING:
    from pathlib import Path

ITSELF = b"0"
NAME = "grace"

# Whoever comes while somebody waits is served by the same wait.
_waiting = threading.Lock()


def begin_grace(mount: Path) -> None:
    """Have the kernel learn it beside whatever is done here; where it cannot, nothing happens."""
    if _waiting.acquire(blocking=False):
        try:
            threading.Thread(target=_wait, args=(mount,), name=NAME, daemon=True).start()
        except RuntimeError:
            # There are too many threads: then whoever moves a process waits.
            _waiting.release()


def _wait(mount: Path) -> None:
    try:
        with suppress(OSError):
            _move_nowhere(mount)
    finally:
        _waiting.release()


def _move_nowhere(mount: Path) -> None:
    """Move this process to a group that it is in."""
    group = group_of(os.getpid(), mount=mount)
    if group is not None:
        directory = next(iter(group.directories.values()))
        procs = os.open(directory / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(procs, ITSELF)
        finally:
            os.close(procs)
