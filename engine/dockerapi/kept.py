"""Answers that are kept as long as no record changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")
MOST = 256


class Kept(Generic[T]):
    """
    Values that are made of records, by what was asked.

    They go as soon as any process has committed a change to any record, so what is found here is
    what would be made anew.
    """

    def __init__(self, version: Callable[[], int]) -> None:
        self._look_up = version
        self._guard = threading.Lock()
        self._version = -1
        self._values: dict[Hashable, T] = {}

    def get(self, asked: Hashable, make: Callable[[], T]) -> T:
        """
        Return the value for *asked*, made now if there is none of the records as they are.

        Whoever asks for it meanwhile waits for it instead of making it too.
        """
        with self._guard:
            # Looked up before the records are: a value is then never older than its version.
            version = self._look_up()
            if version != self._version or len(self._values) >= MOST:
                self._values.clear()
                self._version = version
            if asked not in self._values:
                self._values[asked] = make()
            return self._values[asked]

    def ready(self, asked: Hashable) -> T | None:
        """Return the value for *asked* if it is here and nothing has changed; never wait."""
        if not self._guard.acquire(blocking=False):
            return None
        try:
            value = self._values.get(asked)
            return value if value is not None and self._look_up() == self._version else None
        finally:
            self._guard.release()
