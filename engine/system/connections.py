"""Connections to one SQLite file: lent for a moment, and kept for whoever comes next."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.system.memory import trim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 30.0
MOST = 8
MOST_SECONDS = 5.0
CLOSE_SECONDS = 5.0
KEPT_SECONDS = 10.0


class Connections:
    """
    The connections of this process to the file at *path*; safe to share between threads.

    There are as many as are used at a time, however many threads come by: when there are `MOST`,
    who needs another waits for one a moment. The one that was used last is lent first, so that
    those which are too many are left over and closed after a while.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = threading.Condition()
        # The one that nobody used for longest is the first.
        self._idle: list[tuple[float, sqlite3.Connection]] = []
        self._lent: set[sqlite3.Connection] = set()
        self._outdated: set[sqlite3.Connection] = set()
        self._watching = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        self._watchers = 0

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that nobody else uses; a transaction left open in it is undone."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def version(self) -> int:
        """Return a number that is another one after any change, whoever has committed it."""
        with self._watching:
            if self._watcher is None:
                self._watcher = connect(self._path)
                self._watchers += 1
            # It tells of what other connections did, and this one never writes.
            (found,) = self._watcher.execute("PRAGMA data_version").fetchone()
            return self._watchers << 32 | int(found)

    def close(self) -> None:
        """
        Close all, each that is lent when it comes back.

        One that has not after some seconds is left to its thread: to close it under a running
        statement would take the whole process down.
        """
        with self._changed:
            idle, self._idle = self._idle, []
            lent = set(self._lent)
            self._outdated |= lent
        for _, connection in idle:
            connection.close()
        self._close_watcher()
        with self._changed:
            self._changed.wait_for(lambda: not lent & self._lent, CLOSE_SECONDS)

    def _take(self) -> sqlite3.Connection:
        with self._changed:
            # Not for ever: who has one may be waiting for somebody who needs one.
            self._changed.wait_for(lambda: self._idle or len(self._lent) < MOST, MOST_SECONDS)
            if self._idle:
                connection = self._idle.pop()[1]
                self._lent.add(connection)
                return connection
        connection = connect(self._path)
        with self._changed:
            self._lent.add(connection)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        is_usable = not connection.in_transaction
        with self._changed:
            self._lent.discard(connection)
            self._changed.notify_all()
            if is_usable and connection not in self._outdated:
                self._idle.append((time.monotonic(), connection))
                left_over = self._left_over()
            else:
                self._outdated.discard(connection)
                left_over = [connection]
            is_quiet = bool(left_over) and not self._idle and not self._lent
        for each in left_over:
            each.close()
        if is_quiet:
            self._close_watcher()
        if left_over:
            trim()

    def _left_over(self) -> list[sqlite3.Connection]:
        """Take away those that nobody needed for a while, which are to be closed."""
        limit = time.monotonic() - KEPT_SECONDS
        count = sum(1 for since, _ in self._idle if since < limit)
        if count and count == len(self._idle) - 1 and not self._lent:
            # SQLite keeps the file of each open until the last is closed.
            count += 1
        old, self._idle = self._idle[:count], self._idle[count:]
        return [connection for _, connection in old]

    def _close_watcher(self) -> None:
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None


def connect(path: Path) -> sqlite3.Connection:
    """Return a new connection, which any thread may use while no other does."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
