"""
The engine's records: one SQLite file in WAL mode, opened by many processes at once.

Writes are short `BEGIN IMMEDIATE` transactions; one opened inside another, in the same thread,
joins it, so that several owners can change their tables as one act. Every owner declares its tables
in a `Schema`; a newer schema is applied at open, an unknown newer one is refused.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import CorruptStore, OutOfSpace, SystemFailure
from engine.system.connections import BUSY_SECONDS, Connections
from engine.system.reserve import Reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

Row = sqlite3.Row
Values = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one *owner*: each of *versions* is a script that leads to the next version."""

    owner: str
    versions: tuple[str, ...]


@dataclass(slots=True)
class Transaction:
    """A write in progress; what is registered with `after_commit` runs once it is durable."""

    connection: sqlite3.Connection
    callbacks: list[Callable[[], object]] = field(default_factory=list)
    _gathered: dict[object, list[Any]] = field(default_factory=dict)

    def execute(self, statement: str, values: Values = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.connection.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Run one statement for each of *rows*."""
        self.connection.executemany(statement, rows)

    def gather(
        self, key: object, values: Iterable[Any], act: Callable[[list[Any]], object]
    ) -> None:
        """Do *act*, once, with all that was gathered for *key*, after the commit."""
        if key not in self._gathered:
            gathered: list[Any] = []
            self._gathered[key] = gathered
            self.after_commit(partial(act, gathered))
        self._gathered[key].extend(values)

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Run *callback* when the outermost transaction has committed; never on a rollback."""
        self.callbacks.append(callback)


class Database:
    """One SQLite file; safe to share between threads, each of which borrows a connection."""

    def __init__(self, path: Path, schemas: Sequence[Schema]) -> None:
        self._path = path
        self._local = threading.local()
        self._connections = Connections(path)
        self._reserve = Reserve(path.with_name(f"{path.name}-reserve"))
        self._writing = threading.Lock()
        self._migrate(schemas)
        self._reserve.keep()

    @contextmanager
    def write(self, *, survives_power_cut: bool = True) -> Iterator[Transaction]:
        """
        Open a transaction that commits when the block ends and rolls back when it raises.

        Inside another `write` of the same thread it is part of that one. One that need not survive
        a power cut does not wait for the disk: should the power fail before any later one that
        does, it never was. A killed process takes back neither. Raises `OutOfSpace`; what little is
        written after that may find the room of the reserve.
        """
        outer: Transaction | None = getattr(self._local, "transaction", None)
        if outer is not None:
            yield outer
            return
        with self._alone(), self._connected() as connection:
            transaction = Transaction(connection)
            with self._begun(transaction, "FULL" if survives_power_cut else "NORMAL"):
                yield transaction
        self._reserve.keep_again()
        for callback in transaction.callbacks:
            callback()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """
        Open a view of one moment: every statement of the block sees the same records.

        Inside another block of the same thread it is part of that one. No `write` may be opened
        inside it.
        """
        with self._connected() as connection:
            if connection.in_transaction:
                yield Transaction(connection)
                return
            connection.execute("BEGIN")
            try:
                yield Transaction(connection)
            finally:
                connection.execute("ROLLBACK")

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """Return all rows of one query."""
        with self._connected() as connection:
            return connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """Return the first row of one query, or None."""
        with self._connected() as connection:
            found: Row | None = connection.execute(statement, values).fetchone()
            return found

    def version(self) -> int:
        """Return a number that is another one after any change, whoever has committed it."""
        with _translated(self._path):
            return self._connections.version()

    def close(self) -> None:
        """
        Close all connections, each when the block ends that it is used in.

        Some seconds are waited for that; a block that lasts longer closes its own.
        """
        self._connections.close()

    @contextmanager
    def _begun(self, transaction: Transaction, synchronous: str) -> Iterator[None]:
        connection = transaction.connection
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("BEGIN IMMEDIATE")
        self._local.transaction = transaction
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself; doing it again would hide the reason.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._local.transaction = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for the other threads that write: SQLite only looks now and then whether it may."""
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise SystemFailure(f"cannot use {self._path}: database is locked")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection of the block that this thread is in already, or borrow one."""
        current: sqlite3.Connection | None = getattr(self._local, "connection", None)
        with _translated(self._path), self._giving_way():
            if current is not None:
                yield current
                return
            with self._connections.lent() as connection:
                self._local.connection = connection
                try:
                    yield connection
                finally:
                    self._local.connection = None

    @contextmanager
    def _giving_way(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                self._reserve.give_up()
            raise

    def _migrate(self, schemas: Sequence[Schema]) -> None:
        if all(self._version(schema) == len(schema.versions) for schema in schemas):
            return
        with self.write() as transaction:
            transaction.execute(
                "CREATE TABLE IF NOT EXISTS schema_versions"
                " (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
            )
            for schema in schemas:
                self._migrate_owner(transaction, schema)

    def _migrate_owner(self, transaction: Transaction, schema: Schema) -> None:
        version = self._version(schema)
        if version > len(schema.versions):
            raise CorruptStore(f"the records of {schema.owner} were written by a newer version")
        for script in schema.versions[version:]:
            for statement in _statements(script):
                transaction.execute(statement)
        transaction.execute(
            "INSERT OR REPLACE INTO schema_versions VALUES (?, ?)",
            (schema.owner, len(schema.versions)),
        )

    def _version(self, schema: Schema) -> int:
        known = self.row("SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'")
        if known is None:
            return 0
        row = self.row("SELECT version FROM schema_versions WHERE owner = ?", (schema.owner,))
        return int(row["version"]) if row else 0


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of *script*; the body of a trigger is part of its statement."""
    pending = ""
    for piece in script.split(";"):
        pending += f"{piece};"
        if sqlite3.complete_statement(pending):
            if pending.strip(" \n;"):
                yield pending
            pending = ""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OutOfSpace(path) from error
        raise SystemFailure(f"cannot use {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        raise CorruptStore(f"{path}: {error}") from error
