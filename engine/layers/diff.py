"""What a writable layer changed: the other direction of applying."""

from __future__ import annotations

import enum
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.layers.stack import Stack
from engine.system.files import walk
from engine.system.overlayfs import is_opaque, is_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.system.files import Found


class ChangeKind(enum.StrEnum):
    """The letters that docker shows."""

    ADDED = "A"
    CHANGED = "C"
    DELETED = "D"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs from the layers below; *size* is the length of a regular file."""

    kind: ChangeKind
    path: str
    size: int = 0
    is_directory: bool = False


def iter_changes(upper: Path, lowers: Sequence[Path]) -> Iterator[Change]:
    """
    Yield how *upper*, in overlayfs's form, changes the stack *lowers* (the highest first).

    Paths begin with a slash; a directory comes before what is in it. *upper* may be in use: what
    vanishes meanwhile is passed over. Nothing outside of it is ever looked at.
    """
    with Stack(lowers) as below:
        for found in walk(upper):
            if is_whiteout(found.status):
                yield from _deleted(below, found.path)
            else:
                yield _made(below, found)
                if found.is_directory:
                    yield from _hidden(upper, below, found.path)


def _deleted(below: Stack, path: bytes) -> Iterator[Change]:
    # A whiteout over nothing is left where a file was made and removed again.
    if below.has(path):
        yield Change(ChangeKind.DELETED, _shown(path))


def _made(below: Stack, found: Found) -> Change:
    kind = ChangeKind.CHANGED if below.has(found.path) else ChangeKind.ADDED
    is_file = stat.S_ISREG(found.status.st_mode)
    size = found.status.st_size if is_file else 0
    return Change(kind, _shown(found.path), size, found.is_directory)


def _hidden(upper: Path, below: Stack, path: bytes) -> Iterator[Change]:
    """Yield what an opaque directory hides, as far as it does not have it itself."""
    place = os.path.join(os.fsencode(upper), path)
    try:
        if not is_opaque(place):
            return
        own = {os.fsencode(name) for name in os.listdir(place)}
    except OSError:  # gone, or no directory any more
        return
    for name in sorted(below.names(path) - own):
        yield Change(ChangeKind.DELETED, _shown(path + b"/" + name))


def _shown(path: bytes) -> str:
    return "/" + path.decode("utf-8", "surrogateescape")
