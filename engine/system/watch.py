"""Waiting for files to change, through inotify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from inotify_simple import INotify, flags

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Watch:
    """
    A watch over files and directories; use it as a context manager.

    It starts when it is made, so what changes between a look at the files and `wait` is not missed.
    """

    def __init__(self, *paths: Path) -> None:
        self._inotify = INotify()
        interesting = flags.MODIFY | flags.MOVED_TO | flags.CREATE | flags.CLOSE_WRITE
        for path in paths:
            self._inotify.add_watch(str(path), interesting)

    def wait(self, seconds: float) -> bool:
        """Return True as soon as anything changed, False when *seconds* passed without."""
        return bool(self._inotify.read(timeout=int(seconds * 1000)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inotify.close()
