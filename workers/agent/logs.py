"""The engine's logs, as streams read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.agent.stream import Batch

if TYPE_CHECKING:
    from engine.containers.logs import LogCursor, LogLine, LogPage
    from engine.engine import Engine

# Who is further behind than this reads on from here: nobody reads four million characters a second.
MOST_BEHIND = 4 * 1024 * 1024


class EngineLogs:
    """A `LogSource` over the log files of *engine*'s containers, also of those that are gone."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    def begin(self, container_id: str, *, tail: int) -> LogCursor:
        """Return the place from which the last *tail* lines follow."""
        return self._containers.output(container_id).tail(tail)

    def read(self, container_id: str, cursor: LogCursor) -> Batch[LogCursor]:
        """Return what follows *cursor*, leaving out what is too far behind the end."""
        output = self._containers.output(container_id)
        page = output.read(cursor)
        skipped = 0
        if page.behind > MOST_BEHIND:
            nearer, skipped = output.skip(cursor, keep_bytes=MOST_BEHIND)
            page = output.read(nearer)
        if not page.lines:
            # It may have ended, or gone into the trash or for good, between the two looks.
            output = self._containers.output(container_id)
            page = output.read(page.cursor)
            return _batch(page, skipped, is_end=output.is_over and not page.lines)
        return _batch(page, skipped, is_end=False)


def _batch(page: LogPage, skipped: int, *, is_end: bool) -> Batch[LogCursor]:
    lines = tuple(line_json(line) for line in page.lines)
    return Batch(lines, page.cursor, skipped, is_end)


def line_json(line: LogLine) -> dict[str, str]:
    """Return *line* as pages take it: time, stream, message."""
    return {"t": line.time.isoformat(), "s": line.stream, "m": line.text}
