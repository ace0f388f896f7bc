"""Making and removing volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from engine.errors import Unsupported
from workers.task import job_task

if TYPE_CHECKING:
    from dashboard.arguments import CleanUpVolumes, CreateVolume, RemoveVolume
    from workers.work import Outcome, Work

NOT_YET = "This host's engine has no volumes"


@job_task(JobName.CREATE_VOLUME)
def create_volume(work: Work[CreateVolume]) -> Outcome:  # noqa: ARG001
    """Have the volume there."""
    raise Unsupported(NOT_YET)


@job_task(JobName.REMOVE_VOLUME)
def remove_volume(work: Work[RemoveVolume]) -> Outcome:  # noqa: ARG001
    """Have the volume gone, with all that it holds."""
    raise Unsupported(NOT_YET)


@job_task(JobName.CLEAN_UP_VOLUMES)
def clean_up_volumes(work: Work[CleanUpVolumes]) -> Outcome:  # noqa: ARG001
    """Have those of the volumes gone that no container uses."""
    raise Unsupported(NOT_YET)
