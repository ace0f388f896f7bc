"""
From what a task's body did, raised or was stopped by, to what stands in the job's row.

This is the one place that catches everything: a defect of ours ends the job as failed with its
traceback in the worker's log and nowhere else. What may go through later is tried again here,
within bounds and visibly.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import OperationalError

from dashboard.arguments import parse_arguments
from dashboard.errors import NotPermitted
from dashboard.jobs import JobName
from dashboard.models import Job
from dashboard.permissions import (
    ROLE_FOR_JOB,
    check_reach,
    check_takes,
    job_is_permitted,
    requester_of,
)
from dashboard.services import fail_job, finish_job, mark_job_cancelled, requeue_job, use_grants
from engine.errors import EngineError, RateLimited
from engine.progress import Cancelled
from workers.claims import Claim, claimed
from workers.owners import owners_in
from workers.progress import reported
from workers.rows import JobRow
from workers.running import RUNNING
from workers.runtime import engine, host_name, job_locks
from workers.work import A, Outcome, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.progress import Cancellation, ProgressSink

log = logging.getLogger(__name__)

DELAYS = (1.0, 3.0)
LONGEST_WAIT = 60.0
NOT_SOON = frozenset({"system"})
INTERNAL_ERROR: dict[str, Any] = {
    "kind": "internal",
    "code": "internal-error",
    "message": "An internal error stopped this job.",
    "field": "",
    "remedy": "The worker's log on that host has the details.",
    "retryable": False,
}


def perform(name: JobName, job_id: str, body: Callable[[Work[A]], Outcome]) -> None:
    """
    Run *body* for the job *job_id*, unless there is nothing to do, and write down how it ended.

    If this process is killed on the way, whoever receives the job's message next takes over.
    """
    with claimed(name, job_id, host=host_name(), locks=job_locks()) as claim:
        if claim is not None:
            ending = _run(claim, body)
            if not ending():
                log.warning("job %s was taken from this worker while it ran", job_id)


def error_json(error: EngineError) -> dict[str, Any]:
    """Return *error* as it stands in a job's row and is shown to a person."""
    return {
        "kind": error.kind,
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "remedy": error.remedy,
        "retryable": error.retryable,
    }


def _run(claim: Claim, body: Callable[[Work[A]], Outcome]) -> Callable[[], bool]:
    job, worker = claim.job, claim.worker
    with (
        RUNNING.added(job.pk, worker=worker) as cancellation,
        reported(JobRow(job.pk, worker)) as progress,
    ):
        return _ending(claim, partial(_do, job, body, progress, cancellation))


def _ending(claim: Claim, do: Callable[[], Outcome]) -> Callable[[], bool]:
    job, worker = claim.job, claim.worker
    try:
        return partial(finish_job, job.pk, worker=worker, outcome=dict(do()))
    except Cancelled:
        return _stopped(claim)
    except EngineError as error:
        log.info("job %s failed: %s", job.pk, error)
        return partial(fail_job, job.pk, worker=worker, error=error_json(error))
    except OperationalError:
        # What the body did may not be in the rows yet. Left as it is, with its lock free, the job
        # is taken over, and finished from where it stands.
        log.warning("job %s waits: the database does not take what became of it", job.pk)
        raise
    except Exception:
        log.exception("job %s (%s) crashed", job.pk, job.name)
        return partial(fail_job, job.pk, worker=worker, error=INTERNAL_ERROR)


def _stopped(claim: Claim) -> Callable[[], bool]:
    wanted = Job.objects.filter(pk=claim.job.pk, cancel_requested_at__isnull=False).exists()
    if RUNNING.is_ending and not wanted:
        return partial(requeue_job, claim.job.pk, worker=claim.worker)
    return partial(mark_job_cancelled, claim.job.pk, worker=claim.worker)


def _do(
    job: Job,
    body: Callable[[Work[A]], Outcome],
    progress: ProgressSink,
    cancellation: Cancellation,
) -> Outcome:
    name = JobName(job.name)
    if not job_is_permitted(job):
        raise NotPermitted(ROLE_FOR_JOB[name].label)
    if job.cancel_requested_at is not None:
        raise Cancelled
    arguments: Any = parse_arguments(name, job.arguments)
    requester = requester_of(job)
    check_reach(requester, arguments.reach)
    owners = owners_in(engine(), arguments.takes)
    check_takes(requester, arguments, owners, host=job.host_id)
    outcome = _tried(Work(job, arguments, engine(), progress, cancellation), body)
    use_grants(job, arguments)
    return outcome


def _tried(work: Work[A], body: Callable[[Work[A]], Outcome]) -> Outcome:
    for number, delay in enumerate(DELAYS, start=2):
        try:
            return body(work)
        except EngineError as error:
            wait = retry_delay(error, delay)
            if wait is None:
                raise
            again = f"Trying again in {wait:g} s ({number} of {len(DELAYS) + 1})."
            work.say(f"{error.message}. {again}")
            work.cancellation.wait(wait)
    return body(work)


def retry_delay(error: EngineError, planned: float) -> float | None:
    """Return how long to wait before the same again, or None where that is no use soon."""
    if not error.retryable or error.kind in NOT_SOON:
        return None
    if isinstance(error, RateLimited) and error.retry_after:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return planned
