"""
What one container prints, or printed, wherever the files of its log are.

While it is there they are beside its bundle, also in the trash; for a while after its removal they
are with those of others that departed. A cursor stays good through all of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.containers.logs import BYTES, LINES, START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from engine.containers.log_rotation import RotatedLog
    from engine.containers.logs import LogCursor, LogLine, LogPage

PAGE_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Output:
    """
    The output of one container as it was found; find it again before the next look.

    *is_over*: nothing more is printed. A line that has grown since *growing_since* is waited for.
    """

    log: RotatedLog
    is_over: bool
    growing_since: datetime | None = None

    def read(
        self, cursor: LogCursor = START, *, lines: int = LINES, limit_bytes: int = BYTES
    ) -> LogPage:
        """Return what follows *cursor*, bounded."""
        return self.log.read(
            cursor, lines=lines, limit_bytes=limit_bytes, growing_since=self.growing_since
        )

    def tail(self, lines: int) -> LogCursor:
        """Return the place from which the last *lines* lines follow."""
        return self.log.tail(lines)

    def skip(self, cursor: LogCursor, *, keep_bytes: int) -> tuple[LogCursor, int]:
        """Return a place at most *keep_bytes* before the end, and how many lines it leaves out."""
        return self.log.skip(cursor, keep_bytes=keep_bytes)

    def lines(self, *, tail: int | None = None) -> Iterator[LogLine]:
        """Yield all that was printed until now, or the last *tail* lines."""
        cursor = START if tail is None else self.log.tail(tail)
        while True:
            page = self.log.read(cursor, lines=PAGE_LINES)
            yield from page.lines
            cursor = page.cursor
            if page.is_end:
                return

    @property
    def size(self) -> int:
        """How many bytes it takes on the disk."""
        return sum(each.size for each in self.log.tend())
