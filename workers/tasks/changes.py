"""Changing containers that exist, and making images of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from engine.containers.state import ContainerState
from engine.oci.reference import Reference
from workers.inventory import Inventory
from workers.task import job_task
from workers.tasks.containers import how_it_goes, project

if TYPE_CHECKING:
    from dashboard.arguments import (
        CommitContainer,
        PauseContainer,
        RenameContainer,
        ResetContainer,
        RestartContainer,
        RevertFiles,
        UnpauseContainer,
        UpdateContainer,
    )
    from workers.work import Outcome, Work


@job_task(JobName.RESTART_CONTAINER)
def restart_container(work: Work[RestartContainer]) -> Outcome:
    """Have the container stopped and running again."""
    container = work.engine.containers.get(work.arguments.container_id)
    try:
        work.engine.containers.restart(container.id)
    finally:
        project(work, container.id)
    return {"message": how_it_goes(work, container), "container_id": container.id}


@job_task(JobName.PAUSE_CONTAINER)
def pause_container(work: Work[PauseContainer]) -> Outcome:
    """Have every process of the container frozen."""
    containers = work.engine.containers
    container = containers.get(work.arguments.container_id)
    if container.state is not ContainerState.PAUSED:
        containers.pause(container.id)
    project(work, container.id)
    return {"message": f"{container.name} is paused.", "container_id": container.id}


@job_task(JobName.UNPAUSE_CONTAINER)
def unpause_container(work: Work[UnpauseContainer]) -> Outcome:
    """Have the container going on."""
    containers = work.engine.containers
    container = containers.get(work.arguments.container_id)
    # Whoever ran this before may have been killed after it went on.
    if container.state is ContainerState.PAUSED or not work.is_takeover:
        containers.unpause(container.id)
    project(work, container.id)
    return {"message": f"{container.name} goes on.", "container_id": container.id}


@job_task(JobName.RENAME_CONTAINER)
def rename_container(work: Work[RenameContainer]) -> Outcome:
    """Have the container called by its new name."""
    containers = work.engine.containers
    container, name = containers.get(work.arguments.container_id), work.arguments.name
    if container.name != name:
        containers.rename(container.id, name)
    project(work, container.id)
    return {"message": f"{container.name} is called {name} now.", "container_id": container.id}


@job_task(JobName.UPDATE_CONTAINER)
def update_container(work: Work[UpdateContainer]) -> Outcome:
    """Have the container held to its new limits."""
    containers = work.engine.containers
    container = containers.get(work.arguments.container_id)
    containers.update(container.id, work.arguments.update)
    project(work, container.id)
    return {"message": f"{container.name} has its new limits.", "container_id": container.id}


@job_task(JobName.RESET_CONTAINER)
def reset_container(work: Work[ResetContainer]) -> Outcome:
    """Have the container's files as its image has them; what ran runs again."""
    containers = work.engine.containers
    container = containers.get(work.arguments.container_id)
    was_running = container.is_running or bool(work.remembered.get("container_id"))
    try:
        if was_running:
            # Whoever takes over must know, when it finds it stopped.
            work.remember({"container_id": container.id})
        containers.reset(container.id)
        if was_running and not containers.get(container.id).is_running:
            containers.start(container.id)
    finally:
        project(work, container.id)
    return {"message": f"{container.name} is as its image made it.", "container_id": container.id}


@job_task(JobName.REVERT_FILES)
def revert_files(work: Work[RevertFiles]) -> Outcome:
    """Have the files as the image has them."""
    containers = work.engine.containers
    container = containers.get(work.arguments.container_id)
    paths = work.arguments.paths
    containers.revert(container.id, paths)
    project(work, container.id)
    what = paths[0] if len(paths) == 1 else f"{len(paths)} files"
    message = f"{what} in {container.name} as its image has it."
    return {"message": message, "container_id": container.id}


@job_task(JobName.COMMIT_CONTAINER)
def commit_container(work: Work[CommitContainer]) -> Outcome:
    """Have an image of the container's files as they are."""
    told = work.arguments
    image = work.engine.containers.commit(
        told.container_id,
        reference=Reference.parse(told.reference) if told.reference else None,
        author=told.author,
        message=told.message,
        changes=told.changes,
        pause=told.pause,
        owner=work.owner,
    )
    Inventory(work.engine, work.job.host_id).project_images()
    project(work, told.container_id)
    name = image.tags[0].familiar if image.tags else image.id.short
    return {"message": f"Made {name}.", "image_id": str(image.id)}
