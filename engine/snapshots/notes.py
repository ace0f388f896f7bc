"""
What is known about layers beside their files: how to make their tar again, what is in them.

For most layers that is little, and each little file would take a block of the disk, and its time
when it is made and when it goes. So it is kept with the records; what is large stays a file in the
snapshot's directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.system.files import nameless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from engine.system.database import Database, Transaction

TABLE = """
    CREATE TABLE snapshot_notes (
        id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (id, name)
    ) WITHOUT ROWID
"""
LARGEST = 8 * 1024


class Notes:
    """The notes of all snapshots; *place* says where the directory of one is, by its number."""

    def __init__(self, database: Database, place: Callable[[int], Path]) -> None:
        self._database = database
        self._place = place

    def take(self, number: int) -> dict[str, bytes]:
        """
        Take the small files out of the snapshot's directory; return their content by name.

        Killed before `keep`, they are lost, and so is the snapshot: it is no layer yet.
        """
        small = [
            each
            for each in self._place(number).iterdir()
            if each.is_file() and each.stat().st_size <= LARGEST
        ]
        notes = {each.name: each.read_bytes() for each in small}
        for each in small:
            each.unlink()
        return notes

    def keep(self, transaction: Transaction, number: int, notes: Mapping[str, bytes]) -> None:
        """Record *notes* in *transaction*; they go with the record of the snapshot."""
        transaction.execute_many(
            "INSERT OR REPLACE INTO snapshot_notes (id, name, content) VALUES (?, ?, ?)",
            [(number, name, content) for name, content in notes.items()],
        )

    def open(self, number: int, name: str) -> BinaryIO:
        """Open a note, wherever it is; raise `FileNotFoundError` where there is no such."""
        row = self._database.row(
            "SELECT content FROM snapshot_notes WHERE id = ? AND name = ?", (number, name)
        )
        if row is not None:
            return nameless(row["content"])
        return (self._place(number) / name).open("rb", buffering=0)
