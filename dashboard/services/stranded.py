"""
Jobs whose message or whose worker was lost.

The rows are the truth and messages are only nudges: what a broker forgot is sent again, and what a
worker held when it was killed goes back to be taken over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from dashboard import audit, events, jobs
from dashboard.jobs import JobName
from dashboard.models import Host, Job, JobState
from dashboard.services.announcements import announce
from dashboard.services.secrets import forget_secrets
from dashboard.services.work import MAX_ATTEMPTS

if TYPE_CHECKING:
    from datetime import datetime

SWEEP_SIZE = 500
SENT_GRACE = timedelta(seconds=60)
UNSENT_GRACE = timedelta(seconds=5)
GAVE_UP = {
    "kind": "failed",
    "code": "gave-up",
    "message": f"The worker died {MAX_ATTEMPTS} times while doing this.",
    "field": "",
    "remedy": "Look into the worker's log on that host, then ask again.",
    "retryable": True,
}


def resend_stranded_jobs(host: str) -> int:
    """
    Send again what *host* should be doing and may have lost; return how many were sent.

    That is: queued jobs never sent, or sent a while ago (the while doubles each time, as a job may
    just be waiting for its turn), and running jobs whose lease expired. A job that has already cost
    `MAX_ATTEMPTS` workers their lives fails instead. Sending again what is not lost does no harm.
    """
    found = Host.objects.filter(name=host).first()
    if found is None:
        return 0
    now = timezone.now()
    sent = 0
    for job in _suspects(found, now):
        if job.state == JobState.RUNNING and job.attempts >= MAX_ATTEMPTS:
            _give_up(job, now)
        elif is_stranded(job, now):
            sent += jobs.send(JobName(job.name), job_id=job.pk, queue=found.queue)
    return sent


def release_jobs(*, host: str, worker: str) -> int:
    """
    Let go of everything that another worker than *worker* holds on *host*; return how many.

    For a worker that has just begun and knows that the one before it is dead. The jobs can be
    claimed at once; `resend_stranded_jobs` sends them.
    """
    held = Job.objects.filter(host_id=host, state=JobState.RUNNING).exclude(claimed_by=worker)
    return held.update(lease_expires_at=timezone.now())


def is_stranded(job: Job, now: datetime) -> bool:
    """Whether *job*, as it was read, may have been lost by *now*."""
    if job.state == JobState.RUNNING:
        return job.lease_expires_at is not None and job.lease_expires_at <= now
    if job.sent_at is None:
        return bool(job.created_at <= now - UNSENT_GRACE)
    return bool(job.sent_at <= now - SENT_GRACE * 2 ** min(max(job.send_count - 1, 0), 6))


def _suspects(host: Host, now: datetime) -> list[Job]:
    queued = Q(state=JobState.QUEUED)
    expired = Q(state=JobState.RUNNING, lease_expires_at__lte=now)
    return list(Job.objects.filter(queued | expired, host=host).order_by("created_at")[:SWEEP_SIZE])


def _give_up(job: Job, now: datetime) -> None:
    expired = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_expires_at__lte=now)
    with transaction.atomic():
        if not expired.update(
            state=JobState.FAILED, finished_at=now, lease_expires_at=None, error=GAVE_UP
        ):
            return
        job.refresh_from_db()
        forget_secrets(job)
        audit.close_entries(job, message=str(GAVE_UP["message"]))
        announce(job)
        events.publish_job(job)
