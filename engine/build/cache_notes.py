"""
What is known of the directories of cache mounts: what they are for, since when, and how often used.

A directory is what counts: a note without one says nothing, and a directory without a note is a
cache of which it is not known what for. The next build that mounts it notes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.database import Schema

if TYPE_CHECKING:
    from datetime import datetime

    from engine.system.clock import Clock
    from engine.system.database import Database, Row

SCHEMA = Schema(
    "build-caches",
    (
        """
        CREATE TABLE build_caches (
            name TEXT PRIMARY KEY,
            cache_id TEXT NOT NULL,
            target TEXT NOT NULL,
            program TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            uses INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
)
UNKNOWN = "cached mount"
MAX_LENGTH = 500


@dataclass(frozen=True, slots=True)
class CacheUse:
    """For what a step mounts a cache: as *cache_id*, at *target*, to run *program*."""

    cache_id: str
    target: str
    program: str

    @property
    def description(self) -> str:
        """What docker's builder says of such a cache, and its ID where that is not the target."""
        named = "" if self.cache_id == self.target else f" with id {self.cache_id}"
        return f"{UNKNOWN} {self.target}{named} from exec {self.program}"


@dataclass(frozen=True, slots=True)
class CacheNote:
    """The latest *use* of a cache, when its directory was made, and how often it was mounted."""

    use: CacheUse
    created_at: datetime
    uses: int


class CacheNotes:
    """The notes of one engine root, by the name of the directory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, name: str, use: CacheUse, *, is_new: bool) -> None:
        """Note that the directory *name*, which *is_new* or was there, is mounted for *use*."""
        now = nanoseconds(self._clock.now())
        # After a power cut it is not known what for, until it is mounted again.
        with self._database.write(survives_power_cut=False) as transaction:
            if is_new:
                transaction.execute("DELETE FROM build_caches WHERE name = ?", (name,))
            transaction.execute(
                "INSERT INTO build_caches VALUES (?, ?, ?, ?, ?, 1)"
                " ON CONFLICT (name) DO UPDATE SET cache_id = excluded.cache_id,"
                " target = excluded.target, program = excluded.program, uses = uses + 1",
                (name, *_cut(use), now),
            )

    def all(self) -> dict[str, CacheNote]:
        """Return every note."""
        return {
            row["name"]: _note(row) for row in self._database.rows("SELECT * FROM build_caches")
        }

    def forget(self, name: str) -> None:
        """Forget what was noted of the directory *name*, which is gone."""
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute("DELETE FROM build_caches WHERE name = ?", (name,))


def _cut(use: CacheUse) -> tuple[str, ...]:
    texts = (use.cache_id, use.target, use.program)
    return tuple(each[:MAX_LENGTH].encode(errors="replace").decode() for each in texts)


def _note(row: Row) -> CacheNote:
    use = CacheUse(row["cache_id"], row["target"], row["program"])
    return CacheNote(use, from_nanoseconds(row["created_at"]), row["uses"])
