"""
Until when a container is wanted, as a label of its settings.

A label stays with a container through everything that happens to it, is seen by docker's command,
and can be given by it: `--label io.shipshape.expires=2026-12-04T18:00:00+00:00`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.settings.container import ContainerSettings

EXPIRES = "io.shipshape.expires"
# Anybody may write a label. What is beyond these is no time that can be kept everywhere.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def expiry_of(labels: Mapping[str, str]) -> datetime | None:
    """
    Return until when something with *labels* is wanted, in UTC and to the second.

    None is for ever, or that no time is told that makes sense.
    """
    try:
        moment = datetime.fromisoformat(labels.get(EXPIRES, "")).replace(microsecond=0)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC) if EARLIEST <= aware < LATEST else None


def with_expiry(settings: ContainerSettings, until: datetime | None) -> ContainerSettings:
    """Return *settings* of something that is wanted *until* then, or for ever."""
    labels = without_expiry(settings.labels)
    if until is not None:
        labels[EXPIRES] = until.astimezone(UTC).isoformat(timespec="seconds")
    return replace(settings, labels=labels)


def without_expiry(labels: Mapping[str, str]) -> dict[str, str]:
    """Return *labels* as they are for something that is wanted for ever."""
    return {name: value for name, value in labels.items() if name != EXPIRES}
