"""Connections to the records: as many as are used at a time, and no more for long."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from engine.system import connections as module
from engine.system.connections import Connections

SECONDS = 20.0


@pytest.fixture
def connections(tmp_path):
    made = Connections(tmp_path / "records.db")
    yield made
    made.close()


def use_at_once(connections: Connections, count: int) -> None:
    """Have *count* threads hold a connection at the same time."""
    together = threading.Barrier(count)

    def use() -> None:
        with connections.lent() as connection:
            connection.execute("SELECT 1").fetchone()
            together.wait(SECONDS)

    threads = [threading.Thread(target=use) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)


def test_many_threads_one_after_the_other_share_one(connections):
    used = []

    def use() -> None:
        with connections.lent() as connection:
            used.append(connection)

    for _ in range(20):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join(SECONDS)
    assert len(set(used)) == 1


def test_two_at_a_time_never_have_the_same(connections):
    with connections.lent() as one, connections.lent() as other:
        assert one is not other


def test_those_that_are_too_many_are_closed_after_a_while(connections, tmp_path, monkeypatch):
    use_at_once(connections, 12)
    assert open_files(tmp_path) > 2
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    with connections.lent():
        pass
    assert open_files(tmp_path) == 0
    with connections.lent() as connection:
        connection.execute("SELECT 1").fetchone()


def open_files(directory: Path) -> int:
    """Return how many files below *directory* this process has open."""
    names = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    return sum(1 for each in names if each.startswith(str(directory)))


def test_who_needs_one_more_waits_for_another_to_come_back(connections, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    monkeypatch.setattr(module, "MOST_SECONDS", SECONDS)
    used = []

    def use() -> None:
        with connections.lent() as connection:
            used.append(connection)

    thread = threading.Thread(target=use)
    with connections.lent() as connection:
        thread.start()
        assert not used
    thread.join(SECONDS)
    assert used == [connection]


def test_a_transaction_that_was_left_open_is_undone(connections):
    with connections.lent() as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO notes VALUES ('half')")
    with connections.lent() as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone()[0] == 0


def test_one_that_is_lent_is_closed_when_it_comes_back(connections, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.0)
    with connections.lent() as connection:
        connections.close()
        connection.execute("SELECT 1").fetchone()
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")
    with connections.lent() as another:
        another.execute("SELECT 1").fetchone()
