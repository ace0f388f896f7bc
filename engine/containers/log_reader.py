"""Reading what containers printed: page by page, or line by line while more comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.logs import START
from engine.containers.output import Output
from engine.containers.tending import log_of
from engine.errors import ContainerNotFound, LogUnreadable
from engine.settings.lifetime import NO_LOG
from engine.system.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from engine.containers.log_rotation import RotatedLog
    from engine.containers.logs import LogCursor, LogLine, LogPage
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord

FOLLOW_SECONDS = 1.0
FOLLOW_LINES = 10_000
# How long a line may take from its first byte in the log to its last, before it is shown in parts.
GROWING = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are meant: the last *tail*, from *since* to *until*, of which streams."""

    tail: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    stdout: bool = True
    stderr: bool = True
    follow: bool = False

    def wants(self, line: LogLine) -> bool:
        """Whether *line* is meant, apart from *until*."""
        is_of_stream = self.stderr if line.stream == "stderr" else self.stdout
        return is_of_stream and (self.since is None or line.time >= self.since)

    def ends_before(self, line: LogLine) -> bool:
        """Whether *line* was printed after *until*."""
        return self.until is not None and line.time > self.until


class LogReader:
    """Reads logs; *is_running* says, by the whole ID, whether more may come."""

    def __init__(self, means: Means, is_running: Callable[[str], bool]) -> None:
        self._means = means
        self._is_running = is_running

    def page(self, ref: str, cursor: LogCursor, *, lines: int, limit_bytes: int) -> LogPage:
        """Return what follows *cursor*, bounded; a line still growing is waited for a moment."""
        output = self._present(self._means.store.get(ref))
        return output.read(cursor, lines=lines, limit_bytes=limit_bytes)

    def tail(self, ref: str, lines: int) -> LogCursor:
        """Return the place from which the last *lines* lines follow."""
        return self._log(ref).tail(lines)

    def skip(self, ref: str, cursor: LogCursor, *, keep_bytes: int) -> tuple[LogCursor, int]:
        """Return a place at most *keep_bytes* before the end, and how many lines it leaves out."""
        return self._log(ref).skip(cursor, keep_bytes=keep_bytes)

    def lines(
        self, record: ContainerRecord, query: LogQuery, is_stopped: Callable[[], bool]
    ) -> Iterator[LogLine]:
        """Yield what *query* means; raise `LogUnreadable` where the output is not kept."""
        _check_kept(record)
        for line in self._iter_lines(record, query, is_stopped):
            if query.ends_before(line):
                return
            if query.wants(line):
                yield line

    def departed_lines(self, text: str, *, tail: int | None) -> Iterator[LogLine]:
        """Yield what a removed container had printed; raise `ContainerNotFound`."""
        _, log = self._means.departures.open(text)
        yield from Output(log, is_over=True).lines(tail=tail)

    def output(self, container_id: str) -> Output:
        """
        Return what the container of that whole ID prints or printed, also if it was removed.

        Raises `ContainerNotFound` where nothing of it is kept, `LogUnreadable` where nothing is to.
        """
        record = self._means.store.find_by_id(container_id)
        if record is not None:
            _check_kept(record)
            return self._present(record)
        trashed = self._means.store.find_aside(container_id)
        if trashed is not None:
            return Output(log_of(self._means, trashed.record), is_over=True)
        departed = self._means.departures.find(container_id)
        if departed is None:
            raise ContainerNotFound(container_id)
        return Output(departed[1], is_over=True)

    def _present(self, record: ContainerRecord) -> Output:
        # Asked before reading: what was printed until the end is read after it.
        is_over = not self._is_running(record.id)
        growing_since = None if is_over else self._growing_since()
        return Output(log_of(self._means, record), is_over, growing_since)

    def _iter_lines(
        self, record: ContainerRecord, query: LogQuery, is_stopped: Callable[[], bool]
    ) -> Iterator[LogLine]:
        log = log_of(self._means, record)
        cursor = START if query.tail is None else log.tail(query.tail)
        bundle = self._means.bundles.locate(record.id)
        with Watch(bundle.directory, self._means.exits.directory) as watch:
            while not is_stopped():
                # Asked before reading: what was printed until the end is read after it.
                is_over = not query.follow or not self._is_running(record.id)
                growing_since = None if is_over else self._growing_since()
                page = log.read(cursor, lines=FOLLOW_LINES, growing_since=growing_since)
                cursor = page.cursor
                yield from page.lines
                if page.is_end and is_over:
                    return
                if page.is_end:
                    watch.wait(FOLLOW_SECONDS)

    def _log(self, ref: str) -> RotatedLog:
        return log_of(self._means, self._means.store.get(ref))

    def _growing_since(self) -> datetime:
        return self._means.clock.now() - GROWING


def _check_kept(record: ContainerRecord) -> None:
    if record.settings.log.driver == NO_LOG:
        raise LogUnreadable(record.name)
