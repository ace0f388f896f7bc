"""Where a copy goes: a path of the image that it is copied into, its links followed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import UnsafePath

if TYPE_CHECKING:
    from engine.layers.stack import Stack

MAX_LINKS = 255


@dataclass(frozen=True, slots=True)
class Destination:
    """
    A path of an image without links in it, and without a slash in front; empty for the root.

    *mode* is what is there already, None where nothing is. *missing* are the directories above it
    that are not there, the highest first.
    """

    path: str
    mode: int | None
    missing: tuple[str, ...] = ()

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory already."""
        return self.mode is not None and stat.S_ISDIR(self.mode)


def resolve_destination(stack: Stack, path: str) -> Destination:
    """Return where *path* leads in *stack*; raise `UnsafePath` where it cannot lead."""
    waiting = [part for part in reversed(path.split("/")) if part not in {"", "."}]
    resolved: list[str] = []
    missing: list[str] = []
    mode: int | None = stat.S_IFDIR
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            resolved[-1:] = []
            continue
        here = "/".join([*resolved, part])
        with stack.looked_at(os.fsencode(here)) as seen:
            mode = seen.status.st_mode if seen is not None else None
            target = (
                os.readlink(seen.name, dir_fd=seen.directory)
                if seen is not None and stat.S_ISLNK(seen.status.st_mode)
                else None
            )
        if target is None:
            resolved.append(part)
            if waiting and mode is not None and not stat.S_ISDIR(mode):
                raise UnsafePath(path, f"/{here} of the image is not a directory")
            if mode is None and waiting:
                missing.append(here)
            continue
        links += 1
        if links > MAX_LINKS:
            raise UnsafePath(path, "its links lead in a circle")
        text = os.fsdecode(target)
        if text.startswith("/"):
            resolved.clear()
        waiting.extend(part for part in reversed(text.split("/")) if part not in {"", "."})
    if not resolved:
        mode = stat.S_IFDIR
    return Destination("/".join(resolved), mode, tuple(dict.fromkeys(missing)))
