from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine import events
from engine.events import SCHEMA, EventLog
from engine.system.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOON


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "engine.db", [SCHEMA])
    yield database
    database.close()


@pytest.fixture
def log(database: Database, tmp_path: Path) -> EventLog:
    signal = tmp_path / "events"
    signal.touch()
    return EventLog(database, signal, StoppedClock())


def actions(log: EventLog, after: int = 0) -> list[str]:
    return [event.action for event in log.list_since(after)]


def test_events_are_read_in_their_order(log: EventLog) -> None:
    log.record("image", "pull", "sha256:a", name="web:1", by="ana")
    log.record("container", "create", "b")

    first, second = log.list_since(0)
    assert (first.noun, first.action, first.subject) == ("image", "pull", "sha256:a")
    assert first.attributes == {"name": "web:1", "by": "ana"}
    assert first.time == NOON
    assert first.sequence < second.sequence == log.last_sequence()
    assert log.list_since(first.sequence) == [second]


def test_an_empty_log_has_no_last_event(log: EventLog) -> None:
    assert log.last_sequence() == 0
    assert log.list_since(0) == []


def test_a_page_ends_where_it_is_told(log: EventLog) -> None:
    for number in range(5):
        log.record("image", str(number), "x")

    assert [event.action for event in log.list_since(0, limit=2)] == ["0", "1"]


def test_an_event_goes_with_the_transaction_it_tells_of(log: EventLog, database: Database) -> None:
    def fail() -> None:
        with database.write():
            log.record("image", "pull", "x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert log.list_since(0) == []


def test_followers_hear_nothing_before_the_commit(
    log: EventLog, database: Database, tmp_path: Path
) -> None:
    with database.write():
        log.record("image", "pull", "x")
        assert (tmp_path / "events").read_bytes() == b""

    assert (tmp_path / "events").read_bytes() == b"."


def test_a_follower_gets_what_was_and_what_comes(log: EventLog, tmp_path: Path) -> None:
    log.record("image", "first", "x")
    log.record("image", "second", "x")
    heard: list[str] = []
    has_caught_up, is_done = threading.Event(), threading.Event()

    def follow() -> None:
        for event in log.follow(1, is_stopped=is_done.is_set):
            heard.append(event.action)
            has_caught_up.set()
            if event.action == "last":
                is_done.set()

    follower = threading.Thread(target=follow)
    follower.start()
    has_caught_up.wait(10)
    log.record("image", "last", "x")
    follower.join(10)

    assert heard == ["second", "last"]


def test_a_follower_stops_when_it_is_told(log: EventLog) -> None:
    assert list(log.follow(0, is_stopped=lambda: True)) == []


def test_the_log_is_bounded(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 10)
    monkeypatch.setattr(events, "PAGE", 20)
    for number in range(1, 61):
        log.record("image", str(number), "x")

    kept = actions(log)
    assert kept[-1] == "60"
    assert len(kept) == 10


def test_many_are_told_in_their_order(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 10)
    monkeypatch.setattr(events, "PAGE", 20)
    log.record_many("image", [(str(number), "x", {"by": "ana"}) for number in range(1, 36)])
    log.record_many("image", [])

    kept = log.list_since(0)
    assert [each.action for each in kept] == [str(number) for number in range(26, 36)]
    assert kept[0].attributes == {"by": "ana"}


def test_sequences_are_never_given_twice(log: EventLog, database: Database) -> None:
    log.record("image", "pull", "x")
    last = log.last_sequence()
    with database.write() as transaction:
        transaction.execute("DELETE FROM events")
    log.record("image", "pull", "x")

    assert log.last_sequence() == last + 1
