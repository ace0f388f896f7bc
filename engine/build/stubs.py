"""
What is made in a stage only so that something can be mounted there.

A mount needs a directory or a file to stand on. Where the image had none, an empty one is made, and
it is no part of what the step changed; nor are directories above it that were made for it, unless
something else came into them.
"""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.build.destination import resolve_destination

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.layers.stack import Stack


@dataclass(frozen=True, slots=True)
class Stubs:
    """*paths* that were not there before."""

    paths: frozenset[bytes] = frozenset()

    def left_in(self, upper: Path) -> frozenset[bytes]:
        """Return those of the paths that hold nothing in the directory *upper* but each other."""
        left: set[bytes] = set()
        for path in sorted(self.paths, key=lambda each: each.count(b"/"), reverse=True):
            if _is_empty(os.path.join(os.fsencode(upper), path), path, left):
                left.add(path)
        return frozenset(left)


def _is_empty(place: bytes, path: bytes, left: set[bytes]) -> bool:
    try:
        status = os.lstat(place)
        if stat.S_ISDIR(status.st_mode):
            return all(path + b"/" + name in left for name in os.listdir(place))
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def find_stubs(stack: Stack, targets: Iterable[str]) -> Stubs:
    """Return what has to be made in *stack* so that something can be mounted at *targets*."""
    paths: set[bytes] = set()
    for target in targets:
        found = resolve_destination(stack, posixpath.normpath(target))
        if found.mode is None and found.path:
            paths |= {os.fsencode(each) for each in (*found.missing, found.path)}
    return Stubs(frozenset(paths))
