"""
Plans that were shown to somebody, kept until they are carried out or expire.

A plan never changes once it is stored. What people pinned stands beside: it is no state of a plan,
and keeps a thing from every clean-up until it is let go again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.cleanup.plan import Kept, SealedItem, SealedPlan
from engine.cleanup.subject import Facts, SubjectKind
from engine.errors import PlanNotFound
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.database import Schema

if TYPE_CHECKING:
    from engine.system.clock import Clock
    from engine.system.database import Database

SCHEMA = Schema(
    "cleanup",
    (
        """
        CREATE TABLE cleanup_plans (
            id TEXT PRIMARY KEY,
            made_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            content TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE cleanup_pins (
            subject TEXT PRIMARY KEY,
            pinned_at INTEGER NOT NULL,
            pinned_by TEXT NOT NULL
        ) WITHOUT ROWID
        """,
    ),
)
# So long after it expired a plan is still known by its ID.
REMEMBERED = timedelta(days=7)


class PlanStore:
    """The plans and pins of one engine root."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def save(self, plan: SealedPlan) -> None:
        """Keep *plan*, and forget those that expired long ago."""
        forgotten = nanoseconds(self._clock.now() - REMEMBERED)
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM cleanup_plans WHERE expires_at < ?", (forgotten,))
            transaction.execute(
                "INSERT INTO cleanup_plans VALUES (?, ?, ?, ?)",
                (
                    plan.id,
                    nanoseconds(plan.made_at),
                    nanoseconds(plan.expires_at),
                    json.dumps(_written(plan)),
                ),
            )

    def get(self, plan_id: str) -> SealedPlan:
        """Return the plan of that ID; raise `PlanNotFound`."""
        row = self._database.row("SELECT * FROM cleanup_plans WHERE id = ?", (plan_id,))
        if row is None:
            raise PlanNotFound(plan_id)
        made, expires = from_nanoseconds(row["made_at"]), from_nanoseconds(row["expires_at"])
        content = json.loads(row["content"])
        return SealedPlan(
            id=row["id"],
            items=tuple(_item(each) for each in content["items"]),
            kept=tuple(_kept(each) for each in content["kept"]),
            freed_bytes=content["freed_bytes"],
            freed_at_once=content["freed_at_once"],
            made_at=made,
            made_by=content["made_by"],
            expires_at=expires,
        )

    def pin(self, subject: str, *, owner: str) -> None:
        """Keep *subject*, called as in a plan, from every clean-up; it may be pinned already."""
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT OR IGNORE INTO cleanup_pins VALUES (?, ?, ?)",
                (subject, nanoseconds(self._clock.now()), owner),
            )

    def unpin(self, subject: str) -> None:
        """Let clean-ups take *subject* again."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM cleanup_pins WHERE subject = ?", (subject,))

    def pinned(self) -> frozenset[str]:
        """Return all that is pinned."""
        rows = self._database.rows("SELECT subject FROM cleanup_pins")
        return frozenset(row["subject"] for row in rows)


def _written(plan: SealedPlan) -> dict[str, Any]:
    items = [{**asdict(each), "since": nanoseconds(each.since)} for each in plan.items]
    return {
        "items": items,
        "kept": [asdict(each) for each in plan.kept],
        "freed_bytes": plan.freed_bytes,
        "freed_at_once": plan.freed_at_once,
        "made_by": plan.made_by,
    }


def _item(value: dict[str, Any]) -> SealedItem:
    facts = {name: _frozen(each) for name, each in value.pop("facts").items()}
    kind, since = SubjectKind(value.pop("kind")), from_nanoseconds(value.pop("since"))
    return SealedItem(kind=kind, since=since, facts=Facts(**facts), **value)


def _kept(value: dict[str, Any]) -> Kept:
    return Kept(kind=SubjectKind(value.pop("kind")), **value)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
