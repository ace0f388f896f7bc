"""What a clean-up will do and what it did, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from engine.cleanup.subject import Facts, Subject, SubjectKind

    # Why something is left alone whatever the rules say, as with what is not for everybody.
    Sparing = Callable[["Subject | SealedItem"], str]


@dataclass(frozen=True, slots=True)
class Skipped:
    """One thing that stays, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What went and what it freed, and what was left alone."""

    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    freed_bytes: int

    def joined(self, other: Self) -> Self:
        """Return the report of both."""
        return replace(
            self,
            removed=self.removed + other.removed,
            skipped=self.skipped + other.skipped,
            freed_bytes=self.freed_bytes + other.freed_bytes,
        )

    def with_more(self, freed_bytes: int) -> Self:
        """Return the report with bytes that came free besides."""
        return replace(self, freed_bytes=self.freed_bytes + freed_bytes)


@dataclass(frozen=True, slots=True)
class SealedItem:
    """One thing that a sealed plan takes; *facts* are its state when the plan was made."""

    kind: SubjectKind
    id: str
    name: str
    reason: str
    owner: str
    since: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that a plan leaves, and why: its holder, a protection, or a filter."""

    kind: SubjectKind
    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SealedPlan:
    """
    What was shown to somebody and can be carried out until *expires_at*, exactly so and no other.

    *freed_bytes* come free when exactly its items go for good. *freed_at_once* of these do if what
    can go into the trash does; the rest comes free when the trash is emptied of it.
    """

    id: str
    items: tuple[SealedItem, ...]
    kept: tuple[Kept, ...]
    freed_bytes: int
    freed_at_once: int
    made_at: datetime
    made_by: str
    expires_at: datetime


def spare_nothing(_item: Subject | SealedItem) -> str:
    """Return no reason to leave anything alone."""
    return ""
