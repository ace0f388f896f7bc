"""
Measuring what volumes hold.

As with writable layers it walks directories, so it is done one volume after the other, rarely, and
the rarer the longer it takes; every size carries the moment it was measured.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone

from dashboard import events
from dashboard.models import Volume
from dashboard.services import refresh_counts
from engine.errors import VolumeNotFound

if TYPE_CHECKING:
    from engine.engine import Engine

MOST_AT_ONCE = 10
BUDGET_SECONDS = 0.5
AGE = timedelta(minutes=2)
REST_FACTOR = 100


class VolumeSizes:
    """Keeps the sizes of *host*'s volumes fresh."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host
        self._rest_until: dict[str, float] = {}

    def measure(self) -> int:
        """Measure some of the volumes whose size is oldest; return how many."""
        until = time.monotonic() + BUDGET_SECONDS
        done, has_changed = 0, False
        for row in self._due():
            if time.monotonic() > until:
                break
            has_changed |= self._measure(row)
            done += 1
        if has_changed:
            refresh_counts(self._host)
        return done

    def _due(self) -> list[Volume]:
        now = time.monotonic()
        self._rest_until = {name: end for name, end in self._rest_until.items() if end > now}
        stale = Q(size_measured_at=None) | Q(size_measured_at__lt=timezone.now() - AGE)
        rows = Volume.objects.filter(stale, host_id=self._host).exclude(name__in=self._rest_until)
        return list(rows.order_by(F("size_measured_at").asc(nulls_first=True), "pk")[:MOST_AT_ONCE])

    def _measure(self, row: Volume) -> bool:
        began, measured_at = time.monotonic(), timezone.now()
        try:
            size = self._engine.volumes.size(row.name)
        except VolumeNotFound:
            # Its removal is an event, and that will take the row.
            self._rest_until[row.name] = began + AGE.total_seconds()
            return False
        self._rest_until[row.name] = began + REST_FACTOR * (time.monotonic() - began)
        Volume.objects.filter(pk=row.pk).update(size=size, size_measured_at=measured_at)
        events.publish_volume(row)
        return row.size != size
