"""Directories that have to be there: what a WORKDIR adds to its stage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.build.copying import DIRECTORY_MODE
from engine.build.destination import resolve_destination
from engine.errors import UnsafePath
from engine.layers.entries import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.build.copying import Owner
    from engine.layers.stack import Stack


def directory_items(
    stack: Stack, path: str, owner: Owner, mtime_ns: int
) -> list[tuple[Entry, Iterable[bytes]]]:
    """
    Return the entries that make *path* a directory of *stack*; none where it is one.

    Raises `UnsafePath` where something else is there.
    """
    destination = resolve_destination(stack, path)
    if destination.is_directory:
        return []
    if destination.mode is not None:
        raise UnsafePath(path, "it is there in the image, and is not a directory")
    return [
        (_entry(each, owner, mtime_ns), ())
        for each in dict.fromkeys([*destination.missing, destination.path])
    ]


def _entry(path: str, owner: Owner, mtime_ns: int) -> Entry:
    return Entry(
        os.fsencode(path),
        Kind.DIRECTORY,
        mode=DIRECTORY_MODE,
        uid=owner.uid,
        gid=owner.gid,
        mtime_ns=mtime_ns,
    )
