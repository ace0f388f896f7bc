"""
Leases: what work in progress needs although no record names it yet.

A pull leases each blob and snapshot before it looks whether they are there; whoever removes things
leaves alone what is leased. A lease belongs to a process and ends with it: its liveness is a kernel
lock, so the leases of a killed process count for nothing and are swept by the next one who looks.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.system.database import Database, Schema, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.system.locks import Locks

SCHEMA = Schema(
    "leases",
    (
        """
        CREATE TABLE leases (
            lease TEXT NOT NULL,
            resource TEXT NOT NULL,
            PRIMARY KEY (resource, lease)
        ) WITHOUT ROWID
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held; resources are written `kind:id`, for example `blob:sha256:…`."""

    id: str
    database: Database

    def add(self, *resources: str) -> None:
        """Keep *resources* from being removed from now on, until the lease ends."""
        # After a power cut nobody holds it any more.
        with self.database.write(survives_power_cut=False) as transaction:
            transaction.execute_many(
                "INSERT OR IGNORE INTO leases VALUES (?, ?)",
                [(self.id, resource) for resource in resources],
            )


class Leases:
    """The leases of one engine root."""

    def __init__(self, database: Database, locks: Locks) -> None:
        self._database = database
        self._locks = locks

    @contextmanager
    def held(self) -> Iterator[Lease]:
        """Hold a lease during the block; what was added to it is free again afterwards."""
        lease = Lease(uuid.uuid4().hex, self._database)
        with self._locks.held(_lock_name(lease.id)):
            try:
                yield lease
            finally:
                with self._database.write(survives_power_cut=False) as transaction:
                    _drop(transaction, lease.id)
                self._locks.discard(_lock_name(lease.id))

    def leased(self, transaction: Transaction) -> frozenset[str]:
        """
        Return every resource that somebody alive needs.

        Decide on a removal in the same *transaction*, or the answer is old. Rows of the dead go.
        """
        rows = transaction.execute("SELECT DISTINCT lease FROM leases").fetchall()
        for row in rows:
            if not self._is_alive(row["lease"]):
                _drop(transaction, row["lease"])
        remaining = transaction.execute("SELECT DISTINCT resource FROM leases").fetchall()
        return frozenset(row["resource"] for row in remaining)

    def _is_alive(self, lease: str) -> bool:
        with self._locks.tried(_lock_name(lease)) as is_free:
            return not is_free


def _lock_name(lease: str) -> str:
    return f"lease/{lease}"


def _drop(transaction: Transaction, lease: str) -> None:
    transaction.execute("DELETE FROM leases WHERE lease = ?", (lease,))
