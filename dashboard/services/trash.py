"""How much stays in the trash of a host, and what it was emptied of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from dashboard import audit
from dashboard.models import Host, NoticeKind
from dashboard.permissions import ROLE_FOR_TRASH_LIMITS, check_permitted
from dashboard.services.notifications import notify

if TYPE_CHECKING:
    from dashboard.models import User


def limit_trash(
    host: Host,
    *,
    days: int,
    max_bytes: int,
    watermark: int,
    log_hours: int,
    log_max_bytes: int,
    user: User,
    address: str | None = None,
) -> None:
    """Have trash and logs of removed containers kept within these limits; raise `NotPermitted`."""
    check_permitted(user, ROLE_FOR_TRASH_LIMITS)
    limits = {
        "trash_days": days,
        "trash_max_bytes": max_bytes,
        "trash_watermark": watermark,
        "removed_log_hours": log_hours,
        "removed_log_max_bytes": log_max_bytes,
    }
    with transaction.atomic():
        Host.objects.filter(pk=host.pk).update(**limits)
        audit.record_change(
            "trash.limit",
            user=user,
            object_kind="host",
            object_id=host.name,
            summary=f"Keep the trash of {host.name} for {days} days, logs for {log_hours} hours",
            address=address,
        )


def note_emptied(host: Host, *, summary: str) -> None:
    """Write down that the trash of *host* was emptied because its limits say so."""
    with transaction.atomic():
        audit.record_upkeep("trash.tend", host=host.name, summary=summary)
        notify(
            NoticeKind.TRASH_EMPTIED,
            f"The trash of {host.name} was emptied",
            f"{summary}, because its limits say so.",
            "/trash/",
            roles=[ROLE_FOR_TRASH_LIMITS],
            data={"host": host.name},
        )
