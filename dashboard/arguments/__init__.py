"""
What each job is told, parsed at the door.

`parse_arguments` turns JSON, whether from a form or from a job's row, into one frozen value per job
name; whatever it returns is within its limits and needs no second check. `to_json` is its inverse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.arguments.containers import (
    CleanUpContainers,
    KillContainer,
    RemoveContainer,
    StartContainer,
    StopContainer,
)
from dashboard.arguments.images import CleanUpImages, MakeStarterImage, PullImage, RemoveImage
from dashboard.arguments.kinds import Arguments
from dashboard.arguments.launch import LaunchContainer, LaunchSettings
from dashboard.jobs import JobName

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ARGUMENTS",
    "Arguments",
    "CleanUpContainers",
    "CleanUpImages",
    "KillContainer",
    "LaunchContainer",
    "LaunchSettings",
    "MakeStarterImage",
    "PullImage",
    "RemoveContainer",
    "RemoveImage",
    "StartContainer",
    "StopContainer",
    "parse_arguments",
]

ARGUMENTS: dict[JobName, type[Arguments]] = {
    JobName.PULL_IMAGE: PullImage,
    JobName.MAKE_STARTER_IMAGE: MakeStarterImage,
    JobName.REMOVE_IMAGE: RemoveImage,
    JobName.LAUNCH_CONTAINER: LaunchContainer,
    JobName.START_CONTAINER: StartContainer,
    JobName.STOP_CONTAINER: StopContainer,
    JobName.KILL_CONTAINER: KillContainer,
    JobName.REMOVE_CONTAINER: RemoveContainer,
    JobName.CLEAN_UP_IMAGES: CleanUpImages,
    JobName.CLEAN_UP_CONTAINERS: CleanUpContainers,
}


def parse_arguments(name: JobName, data: Mapping[str, Any]) -> Arguments:
    """Return what a job *name* is told by *data*; raise `InvalidInput` naming the field."""
    return ARGUMENTS[name].parse(data)
