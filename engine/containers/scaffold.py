"""
What a start makes in a container's root, most of it for something to be mounted there: pure.

It is no change that anybody made, so it is neither shown as one nor committed.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from engine.containers.places import MOUNTS

if TYPE_CHECKING:
    import os

_DIRECTORIES = frozenset({b"dev", b"dev/pts", b"dev/shm", b"dev/mqueue", b"proc", b"sys"})
_FILES = frozenset(
    {b".dockerenv", b"etc/hosts", b"etc/hostname", b"etc/resolv.conf", b"dev/console"}
)
# A link, which a build does not make: there it is what somebody wanted.
MTAB = b"etc/mtab"
# Directories that come into a writable layer with the files above.
PARENTS = frozenset({b"etc"})


def is_scaffold(path: bytes, status: os.stat_result) -> bool:
    """Whether *path*, relative to the root, is there only because a start made it."""
    if stat.S_ISDIR(status.st_mode):
        return path in _DIRECTORIES
    return path in _FILES and stat.S_ISREG(status.st_mode) and status.st_size == 0


def is_scaffold_link(path: bytes, target: str) -> bool:
    """Whether the link at *path* to *target* is one that the start of a container makes."""
    return path == MTAB and target == MOUNTS


def is_scaffold_name(path: bytes, *, size: int, is_directory: bool) -> bool:
    """Whether a change of that name and kind is one that a start makes."""
    return path in _DIRECTORIES if is_directory else path in {*_FILES, MTAB} and size == 0
