"""What a clean-up will do and what it did, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """
    One thing that would go.

    *id* is full; *since* is when it became what the clean-up looks for; *owner* who made it.
    """

    id: str
    name: str
    reason: str
    owner: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """One thing that stays, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go, what would stay, and the bytes that exactly these items would free."""

    items: tuple[PlannedItem, ...]
    kept: tuple[Skipped, ...]
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What went and what it freed, and what was left alone."""

    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    freed_bytes: int
