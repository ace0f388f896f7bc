from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import CorruptStore, OutOfSpace
from engine.system.database import Database, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTES = Schema("notes", ("CREATE TABLE notes (text TEXT PRIMARY KEY)",))
NEWER = Schema("notes", (*NOTES.versions, "ALTER TABLE notes ADD COLUMN author TEXT"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, [NOTES])
    yield database
    database.close()


def write(database: Database, text: str) -> None:
    with database.write() as transaction:
        transaction.execute("INSERT INTO notes VALUES (?)", (text,))


def texts(database: Database) -> list[str]:
    return [row["text"] for row in database.rows("SELECT text FROM notes ORDER BY text")]


def fail_after_writing(database: Database, text: str) -> None:
    with database.write() as transaction:
        transaction.execute("INSERT INTO notes VALUES (?)", (text,))
        raise RuntimeError


def test_what_was_written_is_read(database: Database) -> None:
    write(database, "a")

    assert texts(database) == ["a"]
    row = database.row("SELECT text FROM notes")
    assert row is not None
    assert row["text"] == "a"
    assert database.row("SELECT text FROM notes WHERE text = 'b'") is None


def test_a_failure_undoes_the_whole_block(database: Database) -> None:
    with pytest.raises(RuntimeError):
        fail_after_writing(database, "a")

    assert texts(database) == []
    write(database, "b")
    assert texts(database) == ["b"]


def test_a_full_disk_is_called_that_and_the_next_write_works(database: Database) -> None:
    # SQLite then rolls back by itself, and has nothing more to roll back.
    with database.read() as view:
        (pages,) = view.execute("PRAGMA page_count").fetchone()
        view.execute(f"PRAGMA max_page_count = {pages + 1}")

    with pytest.raises(OutOfSpace):
        write(database, "a" * 100_000)

    write(database, "b")
    assert texts(database) == ["b"]


def test_a_connection_is_not_closed_under_the_thread_that_uses_it(database: Database) -> None:
    is_inside, may_end = threading.Event(), threading.Event()
    found: list[int] = []

    def use() -> None:
        with database.read() as view:
            is_inside.set()
            may_end.wait(10)
            found.append(view.execute("SELECT count(*) FROM notes").fetchone()[0])

    user = threading.Thread(target=use)
    user.start()
    is_inside.wait(10)
    closer = threading.Thread(target=database.close)
    closer.start()
    may_end.set()
    user.join(10)
    closer.join(10)

    assert found == [0]
    assert not closer.is_alive()


def test_closing_beside_threads_that_read_takes_nobody_down(database: Database) -> None:
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            texts(database)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        database.close()
    is_over.set()
    for reader in readers:
        reader.join(10)
    assert texts(database) == []


def test_a_block_inside_another_is_part_of_it(database: Database) -> None:
    def fail_outside() -> None:
        with database.write():
            write(database, "inner")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_outside()

    assert texts(database) == []


def test_what_waits_for_the_commit_runs_once_and_after_the_outermost(database: Database) -> None:
    seen: list[list[str]] = []

    with database.write() as transaction:
        transaction.execute("INSERT INTO notes VALUES ('a')")
        with database.write() as inner:
            inner.after_commit(lambda: seen.append(texts(database)))
        assert seen == []

    assert seen == [["a"]]


def test_what_waits_for_the_commit_may_write_itself(database: Database) -> None:
    with database.write() as transaction:
        transaction.after_commit(lambda: write(database, "later"))

    assert texts(database) == ["later"]


def test_what_waits_for_the_commit_is_dropped_with_a_failure(database: Database) -> None:
    seen: list[str] = []

    def fail() -> None:
        with database.write() as transaction:
            transaction.after_commit(lambda: seen.append("ran"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert seen == []


def test_a_reader_sees_one_moment(database: Database, path: Path) -> None:
    write(database, "a")
    other = Database(path, [NOTES])

    with database.read():
        assert texts(database) == ["a"]
        write(other, "b")
        assert texts(database) == ["a"]

    assert texts(database) == ["a", "b"]
    other.close()


def test_a_reader_inside_a_writer_sees_what_is_written(database: Database) -> None:
    with database.write() as transaction:
        transaction.execute("INSERT INTO notes VALUES ('a')")
        with database.read():
            assert texts(database) == ["a"]


def test_writers_take_turns(database: Database, path: Path) -> None:
    with database.write() as transaction:
        transaction.execute("CREATE TABLE counter (value INTEGER)")
        transaction.execute("INSERT INTO counter VALUES (0)")

    def count() -> None:
        mine = Database(path, [NOTES])
        for _ in range(25):
            with mine.write() as transaction:
                value = transaction.execute("SELECT value FROM counter").fetchone()["value"]
                transaction.execute("UPDATE counter SET value = ?", (value + 1,))
        mine.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    row = database.row("SELECT value FROM counter")
    assert row is not None
    assert row["value"] == 100


def test_opening_again_keeps_everything(database: Database, path: Path) -> None:
    write(database, "a")

    again = Database(path, [NOTES])

    assert texts(again) == ["a"]
    again.close()


def test_a_newer_schema_is_applied_to_what_is_there(database: Database, path: Path) -> None:
    write(database, "a")

    newer = Database(path, [NEWER])

    assert [tuple(row) for row in newer.rows("SELECT * FROM notes")] == [("a", None)]
    newer.close()


def test_records_of_a_newer_version_are_refused(path: Path) -> None:
    Database(path, [NEWER]).close()

    with pytest.raises(CorruptStore, match="newer version"):
        Database(path, [NOTES])


def test_a_schema_that_fails_leaves_the_old_one(database: Database, path: Path) -> None:
    broken = Schema("notes", (*NOTES.versions, "ALTER TABLE notes ADD COLUMN x TEXT; NONSENSE"))

    with pytest.raises(Exception, match="NONSENSE"):
        Database(path, [broken])

    assert [row["name"] for row in database.rows("PRAGMA table_info (notes)")] == ["text"]


def test_owners_do_not_know_of_each_other(database: Database, path: Path) -> None:
    other = Schema("others", ("CREATE TABLE others (id INTEGER)",))

    Database(path, [NOTES, other]).close()

    again = Database(path, [NOTES])
    assert again.rows("SELECT * FROM others") == []
    again.close()


def test_a_file_that_is_no_database_is_said_to_be_damaged(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)

    with pytest.raises(CorruptStore):
        Database(path, [NOTES])


def test_a_broken_rule_of_a_table_is_the_owners_to_handle(database: Database) -> None:
    write(database, "a")

    with pytest.raises(sqlite3.IntegrityError):
        write(database, "a")

    write(database, "b")


def test_foreign_keys_are_kept(path: Path) -> None:
    schema = Schema(
        "family",
        (
            "CREATE TABLE parents (id INTEGER PRIMARY KEY);"
            "CREATE TABLE children (parent INTEGER REFERENCES parents (id))",
        ),
    )
    database = Database(path, [schema])

    def orphan() -> None:
        with database.write() as transaction:
            transaction.execute("INSERT INTO children VALUES (1)")

    with pytest.raises(sqlite3.IntegrityError):
        orphan()
    database.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12))
def test_only_what_was_committed_is_there(database: Database, acts: list[tuple[int, bool]]) -> None:
    with database.write() as transaction:
        transaction.execute("DELETE FROM notes")
    expected: set[str] = set()
    for number, commits in acts:
        text = str(number)
        if text in expected:
            continue
        if commits:
            write(database, text)
            expected.add(text)
        else:
            with pytest.raises(RuntimeError):
                fail_after_writing(database, text)

    assert texts(database) == sorted(expected)


def test_only_what_need_not_survive_a_power_cut_does_not_wait(database: Database) -> None:
    def level(*, survives: bool) -> int:
        with database.write(survives_power_cut=survives) as transaction:
            return int(transaction.execute("PRAGMA synchronous").fetchone()[0])

    assert [level(survives=each) for each in (True, False, True)] == [2, 1, 2]
