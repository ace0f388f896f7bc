"""Opening files of a tree by path, without ever following a link."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from engine.system.files import DIRECTORY_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Tree:
    """
    A directory whose files are opened one after the other; use it as a context manager.

    The directory of the last file stays open, because the next one mostly lies there as well.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, DIRECTORY_FLAGS)
        self._parent = b""
        self._directory = self._root

    @contextmanager
    def opened(self, path: bytes) -> Iterator[int]:
        """Open the file *path* for reading."""
        parent, _, name = path.rpartition(b"/")
        descriptor = os.open(name, _READ, dir_fd=self._entered(parent))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _entered(self, parent: bytes) -> int:
        if parent != self._parent:
            self._leave()
            for part in parent.split(b"/") if parent else ():
                below = os.open(part, DIRECTORY_FLAGS, dir_fd=self._directory)
                self._leave()
                self._directory = below
            self._parent = parent
        return self._directory

    def _leave(self) -> None:
        if self._directory != self._root:
            os.close(self._directory)
        self._parent, self._directory = b"", self._root

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        os.close(self._root)
