"""Small filesystems of their own, for tests of full disks and of power cuts. They need root."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_disk(backing: Path, *, megabytes: int) -> Path:
    """Make the file *backing* an ext4 filesystem of that size and return it."""
    backing.touch()
    with backing.open("r+b") as stream:
        stream.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", "-F", str(backing))
    return backing


@contextmanager
def mounted_disk(backing: Path, target: Path) -> Iterator[Path]:
    """Mount the filesystem in *backing* at *target* for the length of a block."""
    target.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(backing), str(target))
    try:
        yield target
    finally:
        _run("umount", str(target))


def copy_as_after_a_power_cut(backing: Path, copy: Path) -> Path:
    """Copy what has reached the disk so far, and nothing that is still on its way; return it."""
    _run("cp", "--sparse=always", str(backing), str(copy))
    return copy


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
