"""Time, as a port: code takes a clock, so that tests can turn it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class _SystemClock:
    def now(self) -> datetime:
        """Return the system's time in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (the one place that reads it)


SYSTEM_CLOCK: Clock = _SystemClock()
