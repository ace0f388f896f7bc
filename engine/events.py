"""
What happened on this host, in order, for whoever wants to follow.

An event is written in the transaction that makes it true, so there is none without its effect and
no effect without it. After the commit a file in the run directory is written to; followers in any
process watch that file. The log is bounded: who lags behind by more than `KEPT` events must look at
the records instead.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.database import Database, Row, Schema
from engine.system.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.system.clock import Clock

KEPT = 100_000
PAGE = 1_000
POLL_SECONDS = 1.0

SCHEMA = Schema(
    "events",
    (
        """
        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            noun TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            attributes TEXT NOT NULL
        )
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Event:
    """
    One thing that happened.

    *noun* and *action* are docker's words (`container`, `die`); *subject* is the full ID.
    """

    sequence: int
    time: datetime
    noun: str
    action: str
    subject: str
    attributes: Mapping[str, str]


class EventLog:
    """The events of one engine root."""

    def __init__(self, database: Database, signal: Path, clock: Clock) -> None:
        self._database = database
        self._signal = signal
        self._clock = clock

    def record(self, noun: str, action: str, subject: str, **attributes: str) -> None:
        """
        Add an event; to be called inside the transaction that makes it true.

        One that tells of nothing that is recorded need not survive a power cut.
        """
        self.record_many(noun, [(action, subject, attributes)])

    def record_many(
        self, noun: str, happened: Sequence[tuple[str, str, Mapping[str, str]]]
    ) -> None:
        """As `record`, of several in their order: action, subject and attributes of each."""
        now = nanoseconds(self._clock.now())
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute_many(
                "INSERT INTO events (time, noun, action, subject, attributes)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (now, noun, action, subject, json.dumps(attributes))
                    for action, subject, attributes in happened
                ],
            )
            sequence = transaction.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
            if sequence % PAGE < len(happened):
                transaction.execute("DELETE FROM events WHERE sequence <= ?", (sequence - KEPT,))
            transaction.after_commit(self._notify)

    def last_sequence(self) -> int:
        """Return the sequence of the newest event, 0 where there was none."""
        row = self._database.row("SELECT max(sequence) AS newest FROM events")
        return int(row["newest"] or 0) if row else 0

    def list_since(self, sequence: int, *, limit: int = PAGE) -> list[Event]:
        """Return the events after *sequence*, oldest first, at most *limit*."""
        rows = self._database.rows(
            "SELECT * FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit)
        )
        return [_event(row) for row in rows]

    def wait_for_more(self, after: int, seconds: float) -> bool:
        """Return True once there is an event after *after*; False when *seconds* passed without."""
        with Watch(self._signal) as watch:
            return self.last_sequence() > after or watch.wait(seconds)

    def follow(self, after: int, *, is_stopped: Callable[[], bool]) -> Iterator[Event]:
        """
        Yield each event after *after* as soon as it is committed, until *is_stopped*.

        It is asked at least once a second.
        """
        with Watch(self._signal) as watch:
            while not is_stopped():
                events = self.list_since(after)
                yield from events
                if events:
                    after = events[-1].sequence
                else:
                    watch.wait(POLL_SECONDS)

    @property
    def signal(self) -> Path:
        """The file that is written to whenever an event was committed."""
        return self._signal

    def wake(self) -> None:
        """Have everybody look who waits for events, although there may be none."""
        self._notify()

    def _notify(self) -> None:
        # Without truncating: on a disk that would wait for whoever writes much.
        descriptor = os.open(self._signal, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, b".", 0)
        finally:
            os.close(descriptor)


def _event(row: Row) -> Event:
    return Event(
        sequence=row["sequence"],
        time=from_nanoseconds(row["time"]),
        noun=row["noun"],
        action=row["action"],
        subject=row["subject"],
        attributes=json.loads(row["attributes"]),
    )
