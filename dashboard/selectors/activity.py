"""The audit trail, as pages list it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from dashboard.models import AuditEntry, AuditOutcome
from dashboard.selectors.lists import Listing, falling, one_of, where

if TYPE_CHECKING:
    from django.db.models import QuerySet


def rows() -> QuerySet[AuditEntry]:
    """Return entries with all that a row shows."""
    return AuditEntry.objects.select_related("user", "job")


ACTIVITY = Listing(
    rows,
    filters={
        "host": where("host_name"),
        "who": where("actor"),
        "action": where("action", longest=64),
        "outcome": one_of({value: Q(outcome=value) for value in AuditOutcome.values}),
        "q": where("summary__icontains"),
    },
    orders={"": falling("at")},
)


def recent_activity(*, limit: int = 10) -> tuple[AuditEntry, ...]:
    """Return the newest entries."""
    return tuple(rows().order_by("-at", "-id")[:limit])


def activity_about(host: str, kind: str, object_id: str) -> tuple[AuditEntry, ...]:
    """Return the newest entries about one image or container."""
    found = rows().filter(host_name=host, object_kind=kind, object_id=object_id)
    return tuple(found.order_by("-at", "-id")[:50])
