"""The audit trail, as pages list it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dashboard.models import AuditEntry, AuditOutcome
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which entries a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            actor=text_in(query, "who"),
            action=text_in(query, "action", limit=64),
            outcome=choice_in(query, "outcome", AuditOutcome.values, ""),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.actor, self.action, self.outcome))


def rows() -> QuerySet[AuditEntry]:
    """Return entries with all that a row shows."""
    return AuditEntry.objects.select_related("user", "job")


def activity(chosen: ActivityFilter) -> Page[AuditEntry]:
    """Return the page of entries that *chosen* describes, newest first."""
    return page_of(activity_query(chosen), number=chosen.page)


def activity_query(chosen: ActivityFilter) -> QuerySet[AuditEntry]:
    """Return all entries that *chosen* describes, newest first."""
    exact = {
        "host_name": chosen.host,
        "actor": chosen.actor,
        "action": chosen.action,
        "outcome": chosen.outcome,
    }
    found = rows().filter(**{name: value for name, value in exact.items() if value})
    if chosen.text:
        found = found.filter(summary__icontains=chosen.text)
    return found.order_by("-at", "-id")


def recent_activity(*, limit: int = 10) -> tuple[AuditEntry, ...]:
    """Return the newest entries."""
    return tuple(rows().order_by("-at", "-id")[:limit])


def activity_about(host: str, kind: str, object_id: str) -> tuple[AuditEntry, ...]:
    """Return the newest entries about one image or container."""
    found = rows().filter(host_name=host, object_kind=kind, object_id=object_id)
    return tuple(found.order_by("-at", "-id")[:50])
