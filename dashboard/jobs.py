"""
The names of jobs, and how a job reaches its host.

A message carries a job's name and its ID and nothing else: what is to be done, for whom and whether
it is allowed stands in the row. Messages are sent by name, so this module knows no worker.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from celery import Celery
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError

from dashboard.models import Job

if TYPE_CHECKING:
    from uuid import UUID

log = logging.getLogger(__name__)


# What any host's worker does for the team.
TEAM_QUEUE = "team"
RUN_POLICY = "team.run_policy"
DELIVER = "team.deliver"


class JobName(StrEnum):
    """What a host can be asked to do; the value is the task's name."""

    PULL_IMAGE = "images.pull"
    MAKE_STARTER_IMAGE = "images.make_starter"
    REMOVE_IMAGE = "images.remove"
    TAG_IMAGE = "images.tag"
    PUSH_IMAGE = "images.push"
    COPY_IMAGE = "images.copy"
    FETCH_IMAGE = "images.fetch"
    LOAD_IMAGES = "images.load"
    BUILD_IMAGE = "images.build"
    LAUNCH_CONTAINER = "containers.launch"
    START_CONTAINER = "containers.start"
    STOP_CONTAINER = "containers.stop"
    KILL_CONTAINER = "containers.kill"
    REMOVE_CONTAINER = "containers.remove"
    RESTART_CONTAINER = "containers.restart"
    PAUSE_CONTAINER = "containers.pause"
    UNPAUSE_CONTAINER = "containers.unpause"
    RENAME_CONTAINER = "containers.rename"
    UPDATE_CONTAINER = "containers.update"
    COMMIT_CONTAINER = "containers.commit"
    RESET_CONTAINER = "containers.reset"
    REVERT_FILES = "containers.revert"
    LEASE_CONTAINER = "containers.lease"
    END_LEASE = "containers.end_lease"
    CREATE_VOLUME = "volumes.create"
    REMOVE_VOLUME = "volumes.remove"
    CREATE_NETWORK = "networks.create"
    REMOVE_NETWORK = "networks.remove"
    CONNECT_NETWORK = "networks.connect"
    DISCONNECT_NETWORK = "networks.disconnect"
    CLEAN_UP_NETWORKS = "cleanup.networks"
    RUN_CLEAN_UP = "cleanup.run"
    KEEP_THINGS = "cleanup.keep"
    TRASH_CONTAINERS = "containers.trash"
    TRASH_IMAGES = "images.trash"
    TRASH_VOLUMES = "volumes.trash"
    RESTORE_FROM_TRASH = "trash.restore"
    EMPTY_TRASH = "trash.empty"
    CLEAN_UP_BY_POLICY = "cleanup.policy"


@cache
def producer() -> Celery:
    """Return the sender: JSON only, and so impatient that a dead broker delays no request."""
    app = Celery("shipshape-dashboard", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        broker_pool_limit=4,
        broker_connection_timeout=0.5,
        broker_transport_options={
            "socket_timeout": 0.5,
            "socket_connect_timeout": 0.3,
            "max_retries": 0,
            "connect_retries_timeout": 0.5,
        },
    )
    return app


def enqueue(job: Job) -> None:
    """Send *job* to its host once the current transaction has committed; send nothing otherwise."""
    name, job_id, queue = JobName(job.name), job.pk, job.host.queue

    def send_committed() -> None:
        send(name, job_id=job_id, queue=queue)

    # Robust: the job is stored, so the request has succeeded whatever happens to its message.
    transaction.on_commit(send_committed, robust=True)


def send(name: JobName, *, job_id: UUID, queue: str) -> bool:
    """
    Send the message now and return whether the broker took it.

    A broker that is down is no error of the request: the job stays queued, unsent, and
    `services.jobs.resend_stranded_jobs` sends it later. Sending twice is harmless.
    """
    try:
        producer().send_task(name.value, kwargs={"job_id": str(job_id)}, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("job %s waits: the broker is unreachable (%s)", job_id, type(error).__name__)
        return False
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now(), send_count=F("send_count") + 1)
    return True
