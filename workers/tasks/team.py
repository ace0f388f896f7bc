"""What is done for the team as a whole, by whichever host's worker is free."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from dashboard.models import AuditEntry, Job, Notice
from workers.app import app
from workers.schedule import PURGE_HISTORY

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

KEEP_JOBS = timedelta(days=90)
KEEP_AUDIT = timedelta(days=400)
KEEP_NOTICES = timedelta(days=90)
BATCH = 1000
MOST_BATCHES = 100


@app.task(name=PURGE_HISTORY)
def purge_history() -> None:
    """Have jobs that ended, audit entries and notices forgotten when their time is over."""
    now = timezone.now()
    purge(Job.objects.filter(finished_at__lt=now - KEEP_JOBS))
    purge(AuditEntry.objects.filter(at__lt=now - KEEP_AUDIT))
    purge(Notice.objects.filter(created_at__lt=now - KEEP_NOTICES))


def purge(rows: QuerySet[Model]) -> int:
    """Delete *rows* in short transactions, so that nobody waits; return how many went."""
    gone = 0
    for _ in range(MOST_BATCHES):
        keys = list(rows.values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        rows.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001
        gone += len(keys)
    return gone
