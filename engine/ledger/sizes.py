"""
Sizes that had to be measured: each with the moment of it, and whether it can be another by now.

What is at rest keeps its size. Whoever measures first notes what is about to be measured; if
anything happens to it before, meanwhile or after, the triggers of `engine.ledger.changes` say so,
and the size is an old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.oci.timestamps import from_nanoseconds, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from engine.system.clock import Clock
    from engine.system.database import Database, Row

CHUNK = 500
# What was not at rest when it was measured is measured as this, which no counter ever is.
IN_USE = -1


@dataclass(frozen=True, slots=True)
class Size:
    """
    What was measured of one thing.

    *mark* is what `end` was told; *is_exact* says that it was at rest, and was left so.
    """

    bytes: int
    measured_at: datetime
    mark: int
    is_exact: bool


class MeasuredSizes:
    """The measured sizes of one engine root, by a word and a name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def all_of(self, word: str) -> dict[str, Size]:
        """Return what was measured of things of that *word*, by name."""
        rows = self._database.rows(
            "SELECT * FROM ledger_sizes WHERE word = ? AND bytes IS NOT NULL", (word,)
        )
        return {row["name"]: _size(row) for row in rows}

    def begin(self, word: str, names: Iterable[str]) -> dict[str, int]:
        """Note that *names* are about to be measured; return what `end` is to be told of each."""
        wanted = tuple(names)
        counters = {}
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute_many(
                "INSERT OR IGNORE INTO ledger_sizes (word, name) VALUES (?, ?)",
                [(word, name) for name in wanted],
            )
            for start in range(0, len(wanted), CHUNK):
                some = wanted[start : start + CHUNK]
                marks = ", ".join("?" * len(some))
                rows = transaction.execute(
                    f"SELECT name, changed FROM ledger_sizes WHERE word = ? AND name IN ({marks})",  # noqa: S608
                    (word, *some),
                )
                counters.update({row["name"]: int(row["changed"]) for row in rows})
        return counters

    def end(self, word: str, sizes: Mapping[str, int], counters: Mapping[str, int]) -> None:
        """
        Keep what was measured; *counters* are those of `begin`, `IN_USE` for what was not at rest.

        What is gone by now is left alone.
        """
        now = nanoseconds(self._clock.now())
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute_many(
                "UPDATE ledger_sizes SET bytes = ?, measured_at = ?, measured = ?"
                " WHERE word = ? AND name = ?",
                [(size, now, counters[name], word, name) for name, size in sizes.items()],
            )

    def touch(self, word: str, name: str) -> None:
        """Note that the size may be another one from now on."""
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute(
                "UPDATE ledger_sizes SET changed = changed + 1 WHERE word = ? AND name = ?",
                (word, name),
            )

    def forget(self, word: str, names: Iterable[str]) -> None:
        """Forget sizes of what is gone."""
        gone = [(word, name) for name in names]
        if gone:
            with self._database.write(survives_power_cut=False) as transaction:
                transaction.execute_many(
                    "DELETE FROM ledger_sizes WHERE word = ? AND name = ?", gone
                )


def _size(row: Row) -> Size:
    return Size(
        bytes=row["bytes"],
        measured_at=from_nanoseconds(row["measured_at"]),
        mark=row["measured"],
        is_exact=row["measured"] == row["changed"],
    )
