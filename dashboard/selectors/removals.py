"""Who removed containers, as the audit trail has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from dashboard.models import AuditEntry, AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable


def removers(host: str, container_ids: Iterable[str]) -> dict[str, str]:
    """Return who had these containers of *host* removed, by ID; the others went otherwise."""
    found = AuditEntry.objects.filter(
        host_name=host,
        object_kind="container",
        object_id__in=list(container_ids),
        action=JobName.REMOVE_CONTAINER,
        outcome=AuditOutcome.SUCCEEDED,
    )
    return dict(found.order_by("at", "id").values_list("object_id", "actor"))
