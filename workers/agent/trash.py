"""Emptying the trash of what has lain there too long, or is too much, as its host's row says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dashboard.models import Host
from dashboard.services import note_emptied
from engine.cleanup.trash import TrashLimits
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
        report = self._engine.cleanup.trash.tend(limits_of(host))
        if not report.removed:
            return
        what, freed = counted(len(report.removed), "thing"), bytes_in_words(report.freed_bytes)
        note_emptied(host, summary=f"Emptied the trash of {what}, freed {freed}")
        Inventory(self._engine, self._host).project_images()


def limits_of(host: Host) -> TrashLimits:
    """Return how much stays in the trash of *host*, and how long."""
    return TrashLimits(
        retention=timedelta(days=host.trash_days),
        max_bytes=host.trash_max_bytes,
        watermark=host.trash_watermark / 100,
    )
