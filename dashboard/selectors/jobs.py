"""Jobs, as pages list and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from dashboard.errors import JobNotFound
from dashboard.models import Job, JobLogLine, JobState
from dashboard.models.job import ACTIVE_STATES
from dashboard.selectors.lists import Listing, falling, one_of, where

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

ACTIVE_SHOWN = 100
LOG_LINES_SHOWN = 1000


def rows() -> QuerySet[Job]:
    """Return jobs with all that a row shows, for pages and pushes alike."""
    return Job.objects.select_related("host", "requested_by").defer("arguments")


_STATES = {"active": ACTIVE_STATES, **{state.value: (state,) for state in JobState}}

JOBS = Listing(
    rows,
    filters={
        "host": where("host_id"),
        "state": one_of({name: Q(state__in=states) for name, states in _STATES.items()}),
        "by": where("requested_by__username"),
        "q": where("title__icontains"),
    },
    orders={"": falling("created_at")},
)


def active_jobs(host: str = "") -> tuple[Job, ...]:
    """Return jobs that have not ended, newest first, at most `ACTIVE_SHOWN`."""
    found = rows().filter(state__in=ACTIVE_STATES)
    if host:
        found = found.filter(host_id=host)
    return tuple(found.order_by("-created_at", "-id")[:ACTIVE_SHOWN])


def recent_jobs(*, limit: int = 20) -> tuple[Job, ...]:
    """Return the newest jobs, ended or not."""
    return tuple(rows().order_by("-created_at", "-id")[:limit])


def jobs_about(host: str, kind: str, object_id: str, *, limit: int = 20) -> tuple[Job, ...]:
    """Return the newest jobs about one image or container."""
    found = rows().filter(host_id=host, object_kind=kind, object_id=object_id)
    return tuple(found.order_by("-created_at", "-id")[:limit])


def job_detail(job_id: UUID) -> Job:
    """Return the job of that ID; raise `JobNotFound`."""
    job = Job.objects.select_related("host", "requested_by").filter(pk=job_id).first()
    if job is None:
        raise JobNotFound(job_id)
    return job


def job_log(job: Job, *, after: int = 0) -> tuple[JobLogLine, ...]:
    """Return the lines of a job's log that follow number *after*, at most `LOG_LINES_SHOWN`."""
    found = JobLogLine.objects.filter(job=job, number__gt=after)
    return tuple(found.order_by("number")[:LOG_LINES_SHOWN])


def find_job_row(job_id: UUID) -> Job | None:
    """Return one job as lists show it, or None."""
    return rows().filter(pk=job_id).first()
