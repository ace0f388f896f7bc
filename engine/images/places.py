"""
Where at registries blobs were seen, so that they can be mounted from there instead of sent again.

It is only ever a hint: a registry that has forgotten a blob, or does not let somebody mount it,
gets the bytes. The oldest hints go when there are too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.oci.timestamps import nanoseconds
from engine.system.database import Database, Schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.oci.digest import Digest
    from engine.system.clock import Clock

MAX_PLACES = 50_000
SCHEMA = Schema(
    "blob_places",
    (
        """
        CREATE TABLE blob_places (
            registry TEXT NOT NULL,
            digest TEXT NOT NULL,
            repository TEXT NOT NULL,
            seen_at INTEGER NOT NULL,
            PRIMARY KEY (registry, digest, repository)
        ) WITHOUT ROWID;
        CREATE INDEX blob_places_by_seen_at ON blob_places (seen_at)
        """,
    ),
)


class BlobPlaces:
    """The hints of one engine root."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def find(self, registry: str, digest: Digest, *, other_than: str) -> list[str]:
        """Return the repositories of *registry* that had the blob, the one seen last first."""
        rows = self._database.rows(
            "SELECT repository FROM blob_places WHERE registry = ? AND digest = ?"
            " AND repository != ? ORDER BY seen_at DESC",
            (registry, str(digest), other_than),
        )
        return [row["repository"] for row in rows]

    def note(self, registry: str, repository: str, digests: Iterable[Digest]) -> None:
        """Remember that *repository* of *registry* has the blobs *digests* now."""
        now = nanoseconds(self._clock.now())
        with self._database.write() as transaction:
            transaction.execute_many(
                "INSERT OR REPLACE INTO blob_places VALUES (?, ?, ?, ?)",
                [(registry, str(each), repository, now) for each in digests],
            )
            transaction.execute(
                "DELETE FROM blob_places WHERE seen_at < (SELECT seen_at FROM blob_places"
                " ORDER BY seen_at DESC LIMIT 1 OFFSET ?)",
                (MAX_PLACES - 1,),
            )
