"""
Measuring what the writable layers of containers hold.

That walks directories, so it is done one container after the other, rarely, and the rarer the
longer it takes. Every size carries the moment it was measured. One of a stopped container stays
true, so it is measured once.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone

from dashboard import events
from dashboard.models import Container
from dashboard.models.container import RUNNING_STATES
from dashboard.services import refresh_counts
from engine.errors import ContainerNotFound

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from engine.engine import Engine

MOST_AT_ONCE = 20
BUDGET_SECONDS = 0.5
AGE = timedelta(seconds=30)
REST_FACTOR = 50


class Sizes:
    """Keeps the sizes of *host*'s containers fresh."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host
        self._rest_until: dict[str, float] = {}

    def measure(self) -> int:
        """Measure some of the containers whose size is oldest; return how many."""
        until = time.monotonic() + BUDGET_SECONDS
        done = 0
        has_stopped_changed = False
        for row in self._due():
            if time.monotonic() > until:
                break
            changed = self._measure(row)
            has_stopped_changed |= changed and not row.is_running
            done += 1
        if has_stopped_changed:
            refresh_counts(self._host)
        return done

    def _due(self) -> list[Container]:
        now = time.monotonic()
        self._rest_until = {each: end for each, end in self._rest_until.items() if end > now}
        rows = due_containers(self._host).exclude(container_id__in=self._rest_until)
        oldest_first = rows.select_related("image").order_by(
            F("size_measured_at").asc(nulls_first=True), "pk"
        )
        return list(oldest_first[:MOST_AT_ONCE])

    def _measure(self, row: Container) -> bool:
        began = time.monotonic()
        measured_at = timezone.now()
        try:
            size = self._engine.containers.size(row.container_id)
        except ContainerNotFound:
            # Its removal is an event, and that will take the row.
            self._rest_until[row.container_id] = began + AGE.total_seconds()
            return False
        took = time.monotonic() - began
        self._rest_until[row.container_id] = began + REST_FACTOR * took
        return self._write(row, size, measured_at)

    def _write(self, row: Container, size: int, measured_at: object) -> bool:
        virtual_size = size + (row.image.size if row.image else 0)
        has_changed = (row.size, row.virtual_size) != (size, virtual_size)
        Container.objects.filter(pk=row.pk).update(
            size=size, virtual_size=virtual_size, size_measured_at=measured_at
        )
        if has_changed:
            events.publish_container(row)
        return has_changed


def due_containers(host: str) -> QuerySet[Container]:
    """Return the containers of *host* whose size is unknown or may be another by now."""
    unknown = Q(size_measured_at=None)
    grown = Q(state__in=RUNNING_STATES, size_measured_at__lt=timezone.now() - AGE)
    ended = ~Q(state__in=RUNNING_STATES) & Q(size_measured_at__lt=F("finished_at"))
    return Container.objects.filter(unknown | grown | ended, host_id=host)
