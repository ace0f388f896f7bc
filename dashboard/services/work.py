"""
A worker's hold on a job.

Each change is one conditional update whose count says whether it happened; nothing is locked. Only
the worker that claimed a job may report on it, and only while it runs: a worker that lost its lease
learns so from a False and stops.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from dashboard import audit, events
from dashboard.models import Job, JobLogLine, JobState
from dashboard.services.announcements import announce
from dashboard.services.secrets import forget_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5
MAX_LOG_LINES = 10_000
MAX_LINE = 2000

# What may follow what. Running follows running when a job is taken over from a worker that died,
# and queued follows running when its worker ends in peace.
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(JobState),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


def may_follow(before: JobState, after: JobState) -> bool:
    """Whether a job that is *before* may become *after*."""
    return after in TRANSITIONS[before]


def claim_job(job_id: UUID | str, *, worker: str) -> Job | None:
    """
    Return the job, now held by *worker* for one `LEASE`; None if it is not to be had.

    It is to be had while it is queued, or runs under a lease that expired. Of several claims one
    wins. None says: unknown, ended, cancelled, or held by somebody (possibly by *worker* itself).
    """
    now = timezone.now()
    free = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_expires_at__lte=now)
    claimed = Job.objects.filter(free, pk=job_id).update(
        state=JobState.RUNNING,
        claimed_by=worker,
        lease_expires_at=now + LEASE,
        attempts=F("attempts") + 1,
        started_at=now,
    )
    if not claimed:
        return None
    job = Job.objects.select_related("host", "requested_by").get(pk=job_id)
    events.publish_job(job)
    return job


def renew_lease(job_id: UUID | str, *, worker: str) -> bool:
    """Hold the job for another `LEASE`; False says that *worker* has lost it and must stop."""
    return bool(_held(job_id, worker).update(lease_expires_at=timezone.now() + LEASE))


def is_cancel_requested(job_id: UUID | str) -> bool:
    """Whether somebody asked to stop the job."""
    return Job.objects.filter(pk=job_id, cancel_requested_at__isnull=False).exists()


def save_progress(job_id: UUID | str, *, worker: str, progress: dict[str, Any]) -> bool:
    """Store and publish how far the job is, and renew the lease; False if *worker* lost it."""
    lease = timezone.now() + LEASE
    if not _held(job_id, worker).update(progress=progress, lease_expires_at=lease):
        return False
    _publish(job_id)
    return True


def append_log(job_id: UUID | str, *, worker: str, lines: Sequence[str], step: str = "") -> bool:
    """
    Add *lines* to the job's log, of a *step* of a build; False if *worker* lost the job.

    A log ends at `MAX_LOG_LINES`: its last line then says that more was written.
    """
    with transaction.atomic():
        job = _held(job_id, worker).select_for_update().only("log_line_count").first()
        if job is None:
            return False
        added = _log_lines(job, lines, step)
        JobLogLine.objects.bulk_create(added)
        Job.objects.filter(pk=job.pk).update(log_line_count=F("log_line_count") + len(added))
        events.publish_job_log(job, added)
    return True


def requeue_job(job_id: UUID | str, *, worker: str) -> bool:
    """
    Put the job back as if *worker* had never begun it; False if *worker* does not hold it.

    For a worker that is asked to end. Nobody died, so this attempt does not count as one.
    """
    changed = _held(job_id, worker).update(
        state=JobState.QUEUED,
        claimed_by="",
        lease_expires_at=None,
        started_at=None,
        sent_at=None,
        attempts=F("attempts") - 1,
    )
    if changed:
        _publish(job_id)
    return bool(changed)


def finish_job(job_id: UUID | str, *, worker: str, outcome: dict[str, Any]) -> bool:
    """End the job as succeeded with *outcome*; False if *worker* does not hold it."""
    message = str(outcome.get("message", ""))
    return _end(job_id, worker, JobState.SUCCEEDED, message=message, outcome=outcome)


def fail_job(job_id: UUID | str, *, worker: str, error: dict[str, Any]) -> bool:
    """End the job as failed with *error*; False if *worker* does not hold it."""
    message = str(error.get("message", ""))
    return _end(job_id, worker, JobState.FAILED, message=message, error=error)


def mark_job_cancelled(job_id: UUID | str, *, worker: str, message: str = "Cancelled.") -> bool:
    """End the job as cancelled; False if *worker* does not hold it."""
    outcome = {"message": message}
    return _end(job_id, worker, JobState.CANCELLED, message=message, outcome=outcome)


def _held(job_id: UUID | str, worker: str) -> Any:
    return Job.objects.filter(pk=job_id, state=JobState.RUNNING, claimed_by=worker)


def _end(job_id: UUID | str, worker: str, state: JobState, *, message: str, **values: Any) -> bool:
    with transaction.atomic():
        held = _held(job_id, worker)
        if not held.update(
            state=state, finished_at=timezone.now(), lease_expires_at=None, **values
        ):
            return False
        job = Job.objects.select_related("host", "requested_by").get(pk=job_id)
        forget_secrets(job)
        audit.close_entries(job, message=message)
        announce(job)
        events.publish_job(job)
    return True


def _log_lines(job: Job, lines: Sequence[str], step: str) -> list[JobLogLine]:
    room = MAX_LOG_LINES - job.log_line_count
    texts = [line[:MAX_LINE].replace("\0", "\N{REPLACEMENT CHARACTER}") for line in lines[:room]]
    if room > 0 and len(lines) >= room:
        texts[-1] = "… the log is full; what follows is not kept."
    first = job.log_line_count + 1
    return [
        JobLogLine(job_id=job.pk, number=first + i, text=text, step=step[:32])
        for i, text in enumerate(texts)
    ]


def _publish(job_id: UUID | str) -> None:
    job = Job.objects.select_related("host", "requested_by").filter(pk=job_id).first()
    if job is not None:
        events.publish_job(job)
