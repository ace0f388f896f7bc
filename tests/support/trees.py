"""What can be told of a tree of files, so that two can be compared."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from engine.system.files import walk

if TYPE_CHECKING:
    from pathlib import Path

Facts = dict[bytes, tuple[object, ...]]


def facts_of(root: Path) -> Facts:
    """Return what can be told of each path below *root*."""
    return {found.path: _facts(root, found.path, found.status) for found in walk(root)}


def _facts(root: Path, path: bytes, status: os.stat_result) -> tuple[object, ...]:
    place = root / os.fsdecode(path)
    is_directory = stat.S_ISDIR(status.st_mode)
    return (
        stat.filemode(status.st_mode),
        (status.st_uid, status.st_gid),
        status.st_rdev,
        # Directories that a tar only implies have no time in it; everybody makes up one.
        None if is_directory else status.st_mtime_ns,
        None if is_directory else status.st_nlink,
        _content(place, status.st_mode),
        [name for name in os.listxattr(place, follow_symlinks=False) if name.startswith("user.")],
    )


def _content(place: Path, mode: int) -> object:
    if stat.S_ISREG(mode):
        return place.read_bytes()
    return place.readlink() if stat.S_ISLNK(mode) else None
