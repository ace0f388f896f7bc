"""The records of snapshots, and the directories that go with them."""

from __future__ import annotations

import json
import os
import string
import uuid
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import OutOfSpace, SnapshotExists, SnapshotInUse, SnapshotNotFound, from_oserror
from engine.oci.digest import ChainID, Digest
from engine.snapshots import notes
from engine.snapshots.snapshotter import Kind, Snapshot
from engine.system.database import Database, Row, Schema, Transaction
from engine.system.files import BLOCK, Usage, make_directory, measure, sync_filesystem
from engine.system.removal import remove_tree, remove_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA = Schema(
    "snapshots",
    (
        """
        CREATE TABLE snapshots (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            parent INTEGER REFERENCES snapshots (id),
            size INTEGER,
            details TEXT
        );
        CREATE INDEX snapshots_by_parent ON snapshots (parent)
        """,
        notes.TABLE,
    ),
)
# What the name of a directory begins with that is on its way out.
_GOING = "going-"
_DIGITS = string.digits + string.ascii_lowercase
_COLUMNS = """
    SELECT s.id, s.key, s.kind, s.size, s.details, p.key AS parent_key
    FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent
"""
_WITH_THOSE_ABOVE = """
    SELECT s.id, s.key, s.size, a.key AS above
    FROM snapshots s LEFT JOIN snapshots a ON a.parent = s.id
    WHERE s.key IN (SELECT value FROM json_each(?))
"""
_STACK = """
    WITH RECURSIVE stack (id, parent, height) AS (
        SELECT id, parent, 0 FROM snapshots WHERE id = ?
        UNION ALL
        SELECT s.id, s.parent, stack.height + 1 FROM snapshots s JOIN stack ON s.id = stack.parent
    )
    SELECT id FROM stack ORDER BY height
"""


class SnapshotStore:
    """
    Records in the database, one directory for each below *directory*.

    A directory's name is the number of its record in base 36: so short that the option string of
    127 layers fits the page that the kernel gives it. Numbers are never given out twice.
    """

    def __init__(self, database: Database, directory: Path, trash: Path) -> None:
        self.database = database
        self.notes = notes.Notes(database, self.path)
        self._directory = directory
        self._trash = trash

    def path(self, number: int) -> Path:
        """Return the directory of the snapshot *number*."""
        return self._directory / short_name(number)

    def add(
        self,
        key: str,
        kind: Kind,
        *,
        parent: ChainID | None = None,
        directories: Sequence[tuple[str, int]],
    ) -> int:
        """
        Record a snapshot and make its *directories* (name and mode); return its number.

        Raises `SnapshotExists`, or `SnapshotNotFound` for *parent*.
        """
        with self.database.write() as transaction:
            self.refuse_taken(key)
            below = self.committed(parent)
            number = transaction.execute(
                "INSERT INTO snapshots (key, kind, parent) VALUES (?, ?, ?)", (key, kind, below)
            ).lastrowid
            assert number is not None
            self._make(self.path(number), directories)
        return number

    def find(self, key: str) -> Snapshot | None:
        """Return the snapshot of that key or name, or None."""
        row = self.database.row(f"{_COLUMNS} WHERE s.key = ?", (key,))
        return _snapshot(row) if row else None

    def get(self, key: str) -> Snapshot:
        """Return the snapshot of that key or name; raise `SnapshotNotFound`."""
        found = self.find(key)
        if found is None:
            raise SnapshotNotFound(key)
        return found

    def number(self, key: str, *, kind: Kind | None = None) -> int:
        """Return the number of the snapshot, which must be of *kind*; raise `SnapshotNotFound`."""
        row = self.database.row("SELECT id, kind FROM snapshots WHERE key = ?", (key,))
        if row is None or (kind is not None and row["kind"] != kind):
            raise SnapshotNotFound(key)
        return int(row["id"])

    def committed(self, name: ChainID | None) -> int | None:
        """Return the number of the committed snapshot, or None for no *name*."""
        return self.number(str(name), kind=Kind.COMMITTED) if name is not None else None

    def iter_snapshots(self) -> Iterator[Snapshot]:
        """Yield every snapshot, parents first."""
        # A parent's number may be the higher one: layers are staged in any order.
        waiting = [_snapshot(row) for row in self.database.rows(f"{_COLUMNS} ORDER BY s.id")]
        seen: set[str] = set()
        while waiting:
            later = []
            for each in waiting:
                if each.parent is None or str(each.parent) in seen:
                    seen.add(each.key)
                    yield each
                else:
                    later.append(each)
            waiting = later

    def refuse_taken(self, key: str) -> None:
        """Raise `SnapshotExists` if there is a snapshot of that key or name."""
        if self.find(key) is not None:
            raise SnapshotExists(key)

    def stack(self, number: int) -> list[int]:
        """Return the numbers of the snapshot and all below it, the highest first."""
        return [int(row["id"]) for row in self.database.rows(_STACK, (number,))]

    def seal(self, key: str, details: str) -> None:
        """Note that the staged snapshot is whole and on the disk; raise `SnapshotNotFound`."""
        number = self.number(key, kind=Kind.STAGED)
        taken = self.notes.take(number)
        # What the record promises must be there before the record is, whenever the power goes.
        sync_filesystem(self._directory)
        with self.database.write() as transaction:
            number = self.number(key, kind=Kind.STAGED)
            self.notes.keep(transaction, number, taken)
            transaction.execute("UPDATE snapshots SET details = ? WHERE id = ?", (details, number))

    def usage(self, key: str) -> Usage:
        """Return what the snapshot's directory occupies, measured now; raise `SnapshotNotFound`."""
        return measure(self.path(self.number(key)))

    def overhead(self, number: int) -> int:
        """Return what the snapshot's directory and the notes in it occupy, without the layer."""
        path = self.path(number)
        large = [each.lstat() for each in path.iterdir() if each.is_file()]
        return sum(status.st_blocks * BLOCK for status in (path.stat(), *large))

    def become_committed(
        self, transaction: Transaction, number: int, name: ChainID, *, parent: int | None, size: int
    ) -> None:
        """Record that the snapshot *number* is from now on the committed one *name*."""
        transaction.execute(
            "UPDATE snapshots SET key = ?, kind = ?, parent = ?, size = ?, details = NULL"
            " WHERE id = ?",
            (str(name), Kind.COMMITTED, parent, size, number),
        )

    def remove(self, key: str) -> int:
        """Remove the record, then, once that is durable, the directory; return the bytes freed."""
        try:
            return self._removed(key)
        except OutOfSpace:
            # The records have found the reserve by now.
            return self._removed(key)

    def _removed(self, key: str) -> int:
        with self.database.write() as transaction:
            row = transaction.execute(
                "SELECT id, size FROM snapshots WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return 0
            self._refuse_if_held(transaction, key, row["id"])
            path = self.path(row["id"])
            freed = row["size"] if row["size"] is not None else _measured(path)
            transaction.execute("DELETE FROM snapshots WHERE id = ?", (row["id"],))
            transaction.gather(self, [path], self._discard_all)
        return int(freed)

    def remove_each(self, keys: Sequence[str]) -> dict[str, int]:
        """As `remove`, of those on which nothing stands once its turn has come; bytes by key."""
        with self.database.write() as transaction:
            rows = transaction.execute(_WITH_THOSE_ABOVE, (json.dumps(list(keys)),)).fetchall()
            above: dict[str, set[str]] = defaultdict(set)
            for row in rows:
                above[row["key"]] |= {row["above"]} - {None}
            gone: dict[str, int] = {}
            for key in keys:
                if above[key] <= gone.keys():
                    gone[key] = 0
            paths = {}
            for row in rows:
                if row["key"] in gone:
                    path = paths[row["id"]] = self.path(row["id"])
                    gone[row["key"]] = row["size"] if row["size"] is not None else _measured(path)
            transaction.execute(
                "DELETE FROM snapshots WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(paths)),),
            )
            transaction.gather(self, paths.values(), self._discard_all)
        return gone

    def sweep(self) -> int:
        """Remove the directories that no record names, and the trash; return the bytes freed."""
        with self.database.write() as transaction:
            rows = transaction.execute("SELECT id FROM snapshots").fetchall()
            known = {short_name(row["id"]) for row in rows}
            # Inside the transaction nobody else can be about to record what is found here.
            for path in self._directory.iterdir():
                if path.name not in known:
                    # Whoever removed its record may take it away at this very moment.
                    with suppress(FileNotFoundError):
                        path.rename(self._trash / f"snapshot-{uuid.uuid4().hex}")
        freed = 0
        for path in self._trash.glob("snapshot-*"):
            with suppress(FileNotFoundError):  # somebody else sweeps too
                freed += measure(path).bytes
                remove_tree(path)
        return freed

    @contextmanager
    def replacing(self, name: ChainID) -> Iterator[None]:
        """
        Let the block commit another snapshot as *name*, in one transaction.

        What stood on the old one stands on the new one then, and the old one goes.
        """
        aside = f"{name}/replaced"
        with self.database.write() as transaction:
            transaction.execute("UPDATE snapshots SET key = ? WHERE key = ?", (aside, str(name)))
            yield
            transaction.execute(
                "UPDATE snapshots SET parent = (SELECT id FROM snapshots WHERE key = ?)"
                " WHERE parent = (SELECT id FROM snapshots WHERE key = ?)",
                (str(name), aside),
            )
            self.remove(aside)

    def strays(self) -> list[Path]:
        """Return the directories that no record names and nobody is removing."""
        with self.database.write() as transaction:
            rows = transaction.execute("SELECT id FROM snapshots").fetchall()
            known = {short_name(row["id"]) for row in rows}
            found = [each for each in self._directory.iterdir() if each.name not in known]
        return [each for each in found if not each.name.startswith(_GOING)]

    def _refuse_if_held(self, transaction: Transaction, key: str, number: int) -> None:
        holder = transaction.execute(
            "SELECT key FROM snapshots WHERE parent = ? LIMIT 1", (number,)
        ).fetchone()
        if holder is not None:
            raise SnapshotInUse(key, holder=holder["key"])

    def _make(self, path: Path, directories: Sequence[tuple[str, int]]) -> None:
        if path.exists():
            self._discard(path)  # of a process that was killed before its record was durable
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise from_oserror(error, f"make the directory {path}") from error
        for name, mode in directories:
            make_directory(path / name, mode=mode)

    def _discard(self, path: Path) -> None:
        self._discard_all([path])

    def _discard_all(self, paths: Sequence[Path]) -> None:
        gone = []
        going = f"{self._directory}/{_GOING}{uuid.uuid4().hex}"
        for path in paths:
            place = f"{going}-{path.name}"
            with suppress(FileNotFoundError):  # swept by somebody else
                os.rename(path, place)
                gone.append(place)
        remove_trees(gone)


def short_name(number: int) -> str:
    """Return *number* in base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _measured(path: Path) -> int:
    with suppress(FileNotFoundError):
        return measure(path).bytes
    return 0


def _snapshot(row: Row) -> Snapshot:
    parent = row["parent_key"]
    return Snapshot(
        key=row["key"],
        kind=Kind(row["kind"]),
        parent=ChainID(Digest.parse(parent)) if parent else None,
        size=row["size"],
        details=row["details"],
    )
