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


def expiry_of(labels: Mapping[str, str]) -> datetime | None:
    """Return until when something with *labels* is wanted; None for ever, or if no time is told."""
    try:
        moment = datetime.fromisoformat(labels.get(EXPIRES, ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def with_expiry(settings: ContainerSettings, until: datetime | None) -> ContainerSettings:
    """Return *settings* of something that is wanted *until* then, or for ever."""
    labels = without_expiry(settings.labels)
    if until is not None:
        labels[EXPIRES] = until.astimezone(UTC).isoformat(timespec="seconds")
    return replace(settings, labels=labels)


def without_expiry(labels: Mapping[str, str]) -> dict[str, str]:
    """Return *labels* as they are for something that is wanted for ever."""
    return {name: value for name, value in labels.items() if name != EXPIRES}
