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

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._version = -1
        self._values: dict[Hashable, T] = {}

    def get(self, version: int, asked: Hashable, make: Callable[[], T]) -> T:
        """
        Return the value for *asked* at the records' *version*, made now if there is none yet.

        The version is to be looked up before the records are: a value is then never older.
        """
        with self._guard:
            if version != self._version or len(self._values) >= MOST:
                self._values.clear()
                self._version = version
            elif asked in self._values:
                return self._values[asked]
        made = make()
        with self._guard:
            if version == self._version:
                self._values[asked] = made
        return made
