"""
Emptying the trash of what has lain there too long, or is too much, as its host's row says.

So are the logs of containers that were removed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dashboard.models import Host
from dashboard.services import note_emptied
from engine.cleanup.trash import TrashLimits
from engine.containers.departed import DepartedLimits
from workers.inventory import Inventory
from workers.words import bytes_in_words, counted

if TYPE_CHECKING:
    from engine.engine import Engine


class TrashKeeper:
    """Tends the trash of *host*."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def tend(self) -> None:
        """Empty the trash of what its limits do not let stay; the team's activity says so."""
        host = Host.objects.get(pk=self._host)
        self._engine.containers.keep_departed(departed_limits_of(host))
        report = self._engine.cleanup.trash.tend(limits_of(host))
        if not report.removed:
            return
        what, freed = counted(len(report.removed), "thing"), bytes_in_words(report.freed_bytes)
        note_emptied(host, summary=f"Emptied the trash of {what}, freed {freed}")
        Inventory(self._engine, self._host).project_images()


def departed_limits_of(host: Host) -> DepartedLimits:
    """Return how long *host* keeps the logs of removed containers, and how much of them."""
    return DepartedLimits(
        longest=timedelta(hours=host.removed_log_hours), most_bytes=host.removed_log_max_bytes
    )


def limits_of(host: Host) -> TrashLimits:
    """Return how much stays in the trash of *host*, and how long."""
    return TrashLimits(
        retention=timedelta(days=host.trash_days),
        max_bytes=host.trash_max_bytes,
        watermark=host.trash_watermark / 100,
    )
