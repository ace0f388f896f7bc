"""
Waiting for files to change, through inotify.

The kernel lets a user have few inotify instances (128, as it comes), and hundreds may follow logs
and events in one process. So a process has one, and a thread of it that tells every watch of what
happened at its places.
"""

from __future__ import annotations

import os
import select
import threading
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from inotify_simple import INotify, flags

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

INTERESTING = flags.MODIFY | flags.MOVED_TO | flags.CREATE | flags.CLOSE_WRITE


class Watch:
    """
    A watch over files and directories; use it as a context manager.

    It starts when it is made, so what changes between a look at the files and `wait` is not missed.
    """

    def __init__(self, *paths: Path) -> None:
        self._changed = threading.Event()
        self._hub = _hub()
        self._places = self._hub.add(self._changed, paths)

    def wait(self, seconds: float) -> bool:
        """Return True as soon as anything changed, False when *seconds* passed without."""
        self._hub.tell()
        has_changed = self._changed.wait(seconds)
        self._changed.clear()
        return has_changed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hub.remove(self._changed, self._places)


class _Hub:
    """The one inotify instance of this process, and who watches what through it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._inotify = INotify()
        self._guard = threading.Lock()
        self._watchers: dict[int, list[threading.Event]] = defaultdict(list)
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def add(self, changed: threading.Event, paths: tuple[Path, ...]) -> list[int]:
        """Let *changed* be set when something changes at *paths*; return what `remove` takes."""
        places: list[int] = []
        try:
            for path in paths:
                with self._guard:
                    # The same place has the same number, whoever asks.
                    place = self._inotify.add_watch(str(path), INTERESTING)
                    self._watchers[place].append(changed)
                places.append(place)
        except OSError:
            self.remove(changed, places)
            raise
        return places

    def remove(self, changed: threading.Event, places: list[int]) -> None:
        """Set *changed* no more."""
        with self._guard:
            for place in places:
                self._watchers[place].remove(changed)
                if not self._watchers[place]:
                    del self._watchers[place]
                    # A place that is gone is not watched any more already.
                    with suppress(OSError):
                        self._inotify.rm_watch(place)

    def tell(self) -> None:
        """Tell everybody of what has happened until now."""
        with self._guard:
            for event in self._inotify.read(timeout=0):
                for changed in self._watchers.get(event.wd, ()):
                    changed.set()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify.fileno(), select.POLLIN)
        while True:
            poll.poll()
            self.tell()


_made: list[_Hub] = []
_making = threading.Lock()


def _hub() -> _Hub:
    """Return the hub of this process; a child that was forked makes its own."""
    with _making:
        if not _made or _made[0].pid != os.getpid():
            _made[:] = [_Hub()]
        return _made[0]
