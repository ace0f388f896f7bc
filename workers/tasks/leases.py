"""How long containers are wanted: extending that, telling of its end, and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from dashboard.jobs import JobName
from dashboard.leases import render_lease
from dashboard.services import end_leases, tell_of_leases
from engine.errors import ContainerNotFound, ContainerRunning
from engine.ledger.survey import TRASH, held_by
from engine.settings.lease import expiry_of
from workers.app import app
from workers.schedule import TEND_LEASES
from workers.task import job_task
from workers.tasks.containers import project

if TYPE_CHECKING:
    from dashboard.arguments import EndLease, LeaseContainer
    from workers.work import Outcome, Work

ATTEMPTS = 3


@app.task(name=TEND_LEASES)
def tend_leases() -> None:
    """Have owners told of leases that end soon, and jobs asked for that end those that are over."""
    now = timezone.now()
    tell_of_leases(now)
    end_leases(now)


@job_task(JobName.LEASE_CONTAINER)
def lease_container(work: Work[LeaseContainer]) -> Outcome:
    """Have the container wanted until then, or for ever."""
    container = work.engine.containers.get(work.arguments.container_id)
    until = work.arguments.moment
    work.engine.containers.lease(container.id, until)
    project(work, container.id)
    said = f"is leased until {render_lease(until)} UTC" if until else "has no expiry"
    return {"message": f"{container.name} {said}.", "container_id": container.id}


@job_task(JobName.END_LEASE)
def end_lease(work: Work[EndLease]) -> Outcome:
    """Have the container stopped and in the trash, unless somebody wants it for longer."""
    container_id = work.arguments.container_id
    try:
        container = work.engine.containers.get(container_id)
        now_until, then_until = expiry_of(container.settings.labels), work.arguments.moment
        if now_until is None or then_until is None or now_until > then_until:
            return {"message": f"{container.name} was extended meanwhile: it stays."}
        trashed = _put_aside(work, container.id)
    except ContainerNotFound:
        # An attempt before this one put it there; or it went by itself when it stopped.
        return _gone(work)
    finally:
        project(work, container_id)
    message = f"The lease of {container.name} ended: it is in the trash, and can be restored."
    return {"message": message, "container_id": container_id, "trashed": [trashed]}


def _put_aside(work: Work[EndLease], container_id: str) -> str:
    """Stop the container and have it in the trash; somebody may start it between the two."""
    for attempt in range(1, ATTEMPTS + 1):
        if work.engine.containers.get(container_id).is_running:
            work.engine.containers.stop(container_id)
        try:
            return work.engine.cleanup.trash.put(container_id, owner=work.owner)
        except ContainerRunning:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError(container_id)


def _gone(work: Work[EndLease]) -> Outcome:
    item = held_by(TRASH, work.arguments.container_id)
    if any(each.id == item for each in work.engine.cleanup.trash.list()):
        return {"message": "It is in the trash, and can be restored.", "trashed": [item]}
    return {"message": "It is gone already."}
