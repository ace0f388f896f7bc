"""Trees of files as layers have them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEEP = 300  # levels of 20 bytes each: deeper than a path may be long


def make_tree(place: Path) -> Path:
    """Make directories, a file with two names and a link that leads out; return *place*."""
    (place / "a/b").mkdir(parents=True)
    (place / "a/file").write_bytes(b"x" * 10_000)
    (place / "a/b/again").hardlink_to(place / "a/file")
    (place / "way").symlink_to(place.parent)
    return place


def make_deep(place: Path) -> None:
    place.mkdir()
    descriptor = os.open(place, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d" * 20, dir_fd=descriptor)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
