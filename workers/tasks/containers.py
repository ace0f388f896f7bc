"""Launching, starting, stopping, killing and removing containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.jobs import JobName
from engine.containers.record import IfRunning
from engine.errors import ContainerNotFound, EngineError
from engine.settings import ContainerSettings
from workers.inventory import Inventory
from workers.task import job_task
from workers.words import bytes_in_words

if TYPE_CHECKING:
    from dashboard.arguments import (
        KillContainer,
        LaunchContainer,
        RemoveContainer,
        StartContainer,
        StopContainer,
    )
    from engine.containers.record import ContainerRecord
    from workers.work import Outcome, Work

JOB_LABEL = "io.shipshape.job"
# A program that cannot work says so in its first moments; whoever started it is still looking.
EARLY_SECONDS = 0.25


@job_task(JobName.LAUNCH_CONTAINER)
def launch_container(work: Work[LaunchContainer]) -> Outcome:
    """Have the container that was asked for created and started, once, or nothing of it."""
    if has_come_and_gone(work):
        return {"message": "It ran and removed itself."}
    container = find_launched(work) or create(work)
    work.remember({"container_id": container.id})
    try:
        work.engine.containers.start(container.id)
    except EngineError:
        undo(work, container)
        raise
    finally:
        project(work, container.id)
    return {"message": how_it_goes(work, container), "container_id": container.id}


@job_task(JobName.START_CONTAINER)
def start_container(work: Work[StartContainer]) -> Outcome:
    """Have the container running."""
    container = work.engine.containers.get(work.arguments.container_id)
    try:
        if not container.is_running:
            work.engine.containers.start(container.id)
    finally:
        project(work, container.id)
    return {"message": how_it_goes(work, container), "container_id": container.id}


@job_task(JobName.STOP_CONTAINER)
def stop_container(work: Work[StopContainer]) -> Outcome:
    """Have the container stopped: asked to first, killed if it does not."""
    container = work.engine.containers.get(work.arguments.container_id)
    if container.is_running:
        work.engine.containers.stop(container.id, timeout=work.arguments.timeout)
    project(work, container.id)
    return {"message": f"{container.name} is stopped.", "container_id": container.id}


@job_task(JobName.KILL_CONTAINER)
def kill_container(work: Work[KillContainer]) -> Outcome:
    """Have the signal sent to the container's process."""
    container = work.engine.containers.get(work.arguments.container_id)
    # Whoever ran this before may have been killed after the signal did its work.
    if container.is_running or not work.is_takeover:
        work.engine.containers.kill(container.id, signal=work.arguments.signal)
    project(work, container.id)
    message = f"Sent {work.arguments.signal} to {container.name}."
    return {"message": message, "container_id": container.id}


@job_task(JobName.REMOVE_CONTAINER)
def remove_container(work: Work[RemoveContainer]) -> Outcome:
    """Have the container and its writable layer gone."""
    container_id = work.arguments.container_id
    policy = IfRunning.KILL if work.arguments.force else IfRunning.REFUSE
    try:
        freed = work.engine.containers.remove(
            container_id, if_running=policy, with_volumes=work.arguments.with_volumes
        )
    except ContainerNotFound:
        # Whoever ran this before may have been killed after the removal.
        if not work.is_takeover:
            raise
        freed = 0
    finally:
        project(work, container_id)
    message = f"Removed. Freed {bytes_in_words(freed)}."
    return {"message": message, "container_id": container_id, "freed_bytes": freed}


# --- a launch that survives its worker ----------------------------------------------------------
#
# The container carries the job's ID as a label from its first moment, and the job's row remembers
# the container before it is started. So whoever takes over finds what was created; and a container
# that is remembered but is nowhere has run and, as its settings wanted, removed itself.


def create(work: Work[LaunchContainer]) -> ContainerRecord:
    """Return the new container, which carries the job's ID."""
    told = work.arguments.settings.to_json()
    labels = {**told.get("labels", {}), JOB_LABEL: str(work.job.pk)}
    settings = ContainerSettings.from_json({**told, "labels": labels})
    return work.engine.containers.create(settings, owner=work.owner)


def how_it_goes(work: Work[Any], container: ContainerRecord) -> str:
    """Say that the started container runs, or how it ended if that was nearly at once."""
    try:
        ended = work.engine.containers.wait(container.id, timeout=EARLY_SECONDS)
    except ContainerNotFound:
        return f"{container.name} ended and removed itself."
    if ended is None:
        return f"{container.name} is running."
    if ended.oom_killed:
        return f"{container.name} started and was killed at once: it ran out of memory."
    hint = " Its log may say why." if ended.code else ""
    return f"{container.name} started and ended at once with exit code {ended.code}.{hint}"


def find_launched(work: Work[LaunchContainer]) -> ContainerRecord | None:
    """Return the container that an earlier attempt of this job created, if there is one."""
    if not work.is_takeover:
        return None
    job_id = str(work.job.pk)
    every = work.engine.containers.list()
    return next((each for each in every if each.settings.labels.get(JOB_LABEL) == job_id), None)


def has_come_and_gone(work: Work[LaunchContainer]) -> bool:
    """Whether an earlier attempt started a container that is no more."""
    return bool(work.remembered.get("container_id")) and find_launched(work) is None


def undo(work: Work[LaunchContainer], container: ContainerRecord) -> None:
    """Remove what was created for a launch that was refused: it leaves nothing behind."""
    # Forgotten first: killed between the two, the container is still found by its label.
    work.remember({})
    try:
        work.engine.containers.remove(container.id, if_running=IfRunning.KILL)
    except ContainerNotFound:
        return


def project(work: Work[Any], container_id: str) -> None:
    """Show pages what became of the container."""
    Inventory(work.engine, work.job.host_id).project_container(container_id)
