"""Jobs, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dashboard.errors import JobNotFound
from dashboard.models import Job, JobLogLine, JobState
from dashboard.models.job import ACTIVE_STATES
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

ACTIVE_SHOWN = 100
LOG_LINES_SHOWN = 1000
STATES = ("active", *JobState.values)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    state: str = ""
    requester: str = ""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            state=choice_in(query, "state", STATES, ""),
            requester=text_in(query, "by"),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.state, self.requester))


def rows() -> QuerySet[Job]:
    """Return jobs with all that a row shows, for pages and pushes alike."""
    return Job.objects.select_related("host", "requested_by").defer("arguments")


def jobs(chosen: JobFilter) -> Page[Job]:
    """Return the page of jobs that *chosen* describes, newest first."""
    return page_of(jobs_query(chosen), number=chosen.page)


def jobs_query(chosen: JobFilter) -> QuerySet[Job]:
    """Return all jobs that *chosen* describes, newest first."""
    found = rows()
    if chosen.host:
        found = found.filter(host_id=chosen.host)
    if chosen.state:
        states = ACTIVE_STATES if chosen.state == "active" else (chosen.state,)
        found = found.filter(state__in=states)
    if chosen.requester:
        found = found.filter(requested_by__username=chosen.requester)
    if chosen.text:
        found = found.filter(title__icontains=chosen.text)
    return found.order_by("-created_at", "-id")


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
