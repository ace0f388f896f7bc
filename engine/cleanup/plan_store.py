"""
Plans that were shown to somebody, kept until they are carried out or expire.

A plan never changes once it is stored. What people pinned stands beside: it is no state of a plan,
and keeps a thing from every clean-up until it is let go again.
"""

from __future__ import annotations

import json
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
        # They were written otherwise, and expire within the hour.
        """
        DELETE FROM cleanup_plans
        """,
        """
        DELETE FROM cleanup_plans
        """,
    ),
)
# So long after it expired a plan is still known by its ID.
REMEMBERED = timedelta(days=7)
# A plan may name ten thousand things. Where there are so many plans, those that expired go at once.
MOST = 200


class PlanStore:
    """The plans and pins of one engine root."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def save(self, plan: SealedPlan) -> None:
        """Keep *plan*, and forget those that expired long ago, or at all where there are many."""
        now = self._clock.now()
        with self._database.write() as transaction:
            (count,) = transaction.execute("SELECT count(*) FROM cleanup_plans").fetchone()
            forgotten = nanoseconds(now if count >= MOST else now - REMEMBERED)
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
            kept=tuple(map(_kept, *content["kept"])),
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

    def is_pinned(self, subject: str) -> bool:
        """Return whether *subject* is pinned."""
        statement = "SELECT 1 FROM cleanup_pins WHERE subject = ?"
        return self._database.row(statement, (subject,)) is not None

    def pinned(self) -> frozenset[str]:
        """Return all that is pinned."""
        rows = self._database.rows("SELECT subject FROM cleanup_pins")
        return frozenset(row["subject"] for row in rows)


def _written(plan: SealedPlan) -> dict[str, Any]:
    # Columns of what stays, because that may be thousands, and somebody waits for the preview: the
    # collector of garbage goes through everything known once there are so many new rows.
    kept = plan.kept
    return {
        "items": [_item_written(each) for each in plan.items],
        "kept": [
            [each.kind for each in kept],
            [each.id for each in kept],
            [each.name for each in kept],
            [each.reason for each in kept],
        ],
        "freed_bytes": plan.freed_bytes,
        "freed_at_once": plan.freed_at_once,
        "made_by": plan.made_by,
    }


def _item_written(item: SealedItem) -> tuple[object, ...]:
    facts = item.facts
    seen = (facts.state, facts.names, facts.holders, facts.mark)
    return (item.kind, item.id, item.name, item.reason, item.owner, nanoseconds(item.since), *seen)


def _item(row: list[Any]) -> SealedItem:
    kind, item_id, name, reason, owner, since, state, names, holders, mark = row
    return SealedItem(
        kind=SubjectKind(kind),
        id=item_id,
        name=name,
        reason=reason,
        owner=owner,
        since=from_nanoseconds(since),
        facts=Facts(state, tuple(names), tuple(holders), mark),
    )


def _kept(kind: str, item_id: str, name: str, reason: str) -> Kept:
    return Kept(SubjectKind(kind), item_id, name, reason)
