"""Builds, as pages list and show them: the jobs that build, and what their progress says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dashboard.errors import JobNotFound
from dashboard.models import Job, JobLogLine, JobState
from dashboard.selectors.jobs import JOBS, job_detail, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

NAME = "images.build"
TREND = 12
TREND_READ = 600
OUTPUT_SHOWN = 1000
_MADE = ("cached", "done")


@dataclass(frozen=True, slots=True)
class Took:
    """How long one build of a tag took, for the bars of its trend."""

    job_id: str
    seconds: float
    state: str


@dataclass(frozen=True, slots=True)
class BuildRow:
    """A build in a list, and how long the last builds of its tag took, the newest last."""

    job: Job
    trend: tuple[Took, ...] = ()

    @property
    def row_id(self) -> str:
        """The id of its row's element."""
        return f"build-{self.job.host_id}-{self.job.pk}"

    @property
    def steps_id(self) -> str:
        """The id of its timeline's element."""
        return steps_id(self.job)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps that began."""
        return steps_of(self.job)

    @property
    def made_count(self) -> int:
        """How many steps are done."""
        return sum(step["status"] in _MADE for step in self.steps)

    @property
    def total_count(self) -> int:
        """How many steps there are, as far as that is known."""
        return int(self.job.progress.get("total") or 0) if self.steps else 0

    @property
    def cached_count(self) -> int:
        """How many steps were taken from the cache."""
        return sum(step["status"] == "cached" for step in self.steps)


@dataclass(frozen=True, slots=True)
class BuildStage:
    """The steps of one stage, in their order."""

    name: str
    steps: tuple[dict[str, Any], ...]

    @property
    def seconds(self) -> float:
        """How long they took in all."""
        return float(sum(step["seconds"] for step in self.steps))

    @property
    def size(self) -> int:
        """What their layers take on the disk."""
        return int(sum(step["size"] for step in self.steps))


def steps_id(job: Job) -> str:
    """Return the id of the element that shows the steps of *job*."""
    return f"steps-{job.host_id}-{job.pk}"


def steps_of(job: Job) -> list[dict[str, Any]]:
    """Return the steps of a build that began, in no order; none while it pulls its base."""
    return job.progress.get("rows") or [] if job.progress.get("unit") == "steps" else []


def stages_of(job: Job) -> tuple[BuildStage, ...]:
    """Return the stages of a build that began, the first of the Dockerfile first."""
    found: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for step in steps_of(job):
        stage, _, number = step["id"].partition(".")
        found[int(stage)].append((int(number), step))
    return tuple(
        BuildStage(
            steps[0][1]["label"].rpartition(" ")[0],
            tuple(step for _, step in sorted(steps, key=lambda each: each[0])),
        )
        for _, steps in sorted(found.items())
    )


def _rows() -> QuerySet[Job]:
    return rows().filter(name=NAME)


BUILDS = replace(JOBS, rows=_rows)


def build_rows(jobs: Iterable[Job]) -> list[BuildRow]:
    """Return *jobs*, which build, with the trends of their tags: one query for all."""
    listed = list(jobs)
    trends = _trends({(job.host_id, job.object_id) for job in listed if job.object_id})
    return [
        BuildRow(job, _until(trends.get((job.host_id, job.object_id), []), job)) for job in listed
    ]


def find_build_row(job_id: UUID) -> BuildRow | None:
    """Return one build as lists show it, or None."""
    job = _rows().filter(pk=job_id).first()
    return None if job is None else build_rows([job])[0]


def build_detail(job_id: UUID) -> Job:
    """Return the build of that ID; raise `JobNotFound`."""
    job = job_detail(job_id)
    if job.name != NAME:
        raise JobNotFound(job_id)
    return job


def build_output(job: Job, *, step: str = "") -> tuple[JobLogLine, ...]:
    """Return the last lines that *job*, or one *step* of it, printed: `OUTPUT_SHOWN` at most."""
    found = JobLogLine.objects.filter(job=job)
    if step:
        found = found.filter(step=step)
    return tuple(found.order_by("-number")[:OUTPUT_SHOWN])[::-1]


def _trends(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], list[Job]]:
    found: dict[tuple[str, str], list[Job]] = defaultdict(list)
    ended = Job.objects.filter(
        name=NAME,
        host_id__in={host for host, _ in wanted},
        object_id__in={tag for _, tag in wanted},
        state__in=(JobState.SUCCEEDED, JobState.FAILED),
        finished_at__isnull=False,
        started_at__isnull=False,
    ).only("id", "host_id", "object_id", "state", "created_at", "started_at", "finished_at")
    for job in ended.order_by("-created_at", "-id")[:TREND_READ] if wanted else ():
        found[job.host_id, job.object_id].append(job)
    return found


def _until(ended: Sequence[Job], job: Job) -> tuple[Took, ...]:
    """Return the builds of *ended* up to *job*, the oldest first."""
    before = [each for each in ended if each.created_at <= job.created_at][:TREND]
    return tuple(Took(str(each.pk), _seconds(each), each.state) for each in reversed(before))


def _seconds(job: Job) -> float:
    if job.started_at is None or job.finished_at is None:
        return 0.0
    return max(0.0, (job.finished_at - job.started_at).total_seconds())
