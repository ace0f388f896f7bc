"""
Looking into layers that stand on each other, as overlayfs would show them, without mounting them.

All looking goes from open directory to open directory and never follows a link, so that nothing in
a layer can lead outside.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from engine.system.files import DIRECTORY_FLAGS
from engine.system.overlayfs import is_opaque, is_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType


class Seen(NamedTuple):
    """Something in a stack: *name* in the open *directory*, which stays open with the look."""

    directory: int
    name: bytes
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)


class Stack:
    """Layer directories in overlayfs's form, the highest first; use it as a context manager."""

    def __init__(self, layers: Sequence[Path]) -> None:
        self._opened = ExitStack()
        self._roots = [kept(self._opened, os.open(each, DIRECTORY_FLAGS)) for each in layers]

    @contextmanager
    def looked_at(self, path: bytes) -> Iterator[Seen | None]:
        """Yield what *path* is in the stack, or None; `b""` is the root."""
        parts = _parts(path)
        with ExitStack() as opened:
            for root in self._roots:
                seen, is_last = _look(opened, root, parts)
                if seen is not None or is_last:
                    yield seen
                    return
            yield None

    def has(self, path: bytes) -> bool:
        """Whether *path* is in the stack."""
        with self.looked_at(path) as seen:
            return seen is not None

    def names(self, path: bytes) -> set[bytes]:
        """Return the names in the directory *path*; none if it is no directory."""
        names: set[bytes] = set()
        gone: set[bytes] = set()
        parts = _parts(path)
        with ExitStack() as opened:
            for root in self._roots:
                seen, is_last = _look(opened, root, parts)
                if seen is not None:
                    if not seen.is_directory:
                        break
                    is_last = _collect(opened, seen, names, gone)
                if is_last:
                    break
        return names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened.close()


def hides(root: int, path: bytes) -> bool:
    """Whether the layer *root* lets nothing of *path* shine through from below."""
    parts = _parts(path)
    with ExitStack() as opened:
        directory = root
        for part in parts[:-1]:
            try:
                status = os.stat(part, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                return False
            if not stat.S_ISDIR(status.st_mode):
                return True
            directory = kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
            if is_opaque(directory):
                return True
        return is_whiteout_at(directory, parts[-1])


def is_whiteout_at(directory: int, name: bytes) -> bool:
    """Whether *name* in the open *directory* is a whiteout."""
    try:
        return is_whiteout(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return False


def kept(opened: ExitStack, descriptor: int) -> int:
    """Return *descriptor*, which is closed with *opened*."""
    opened.callback(os.close, descriptor)
    return descriptor


def _parts(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part] or [b"."]


def _look(opened: ExitStack, root: int, parts: Sequence[bytes]) -> tuple[Seen | None, bool]:
    """Look for *parts* in one layer; also say whether it hides the layers below it there."""
    directory, is_last = root, False
    for depth, part in enumerate(parts):
        try:
            status = os.stat(part, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None, is_last
        if is_whiteout(status):
            return None, True
        if depth == len(parts) - 1:
            return Seen(directory, part, status), is_last
        if not stat.S_ISDIR(status.st_mode):
            return None, True
        directory = kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
        is_last = is_last or is_opaque(directory)
    return None, is_last


def _collect(opened: ExitStack, seen: Seen, names: set[bytes], gone: set[bytes]) -> bool:
    """Add what one layer has in a directory; return whether it hides the layers below it there."""
    directory = kept(opened, os.open(seen.name, DIRECTORY_FLAGS, dir_fd=seen.directory))
    here = {os.fsencode(name) for name in os.listdir(directory)} - names - gone
    whiteouts = {name for name in here if is_whiteout_at(directory, name)}
    gone |= whiteouts
    names |= here - whiteouts
    # Overlayfs merges the roots of its layers whatever their attributes say.
    return seen.name != b"." and is_opaque(directory)
