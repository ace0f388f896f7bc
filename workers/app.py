"""
The Celery app of the hosts.

Messages are JSON and carry a job's ID. A message is acknowledged when its task has ended, so that
one that a dying worker held comes back; the claim (see `workers.claims`) makes that harmless. There
is no result backend: what became of a job stands in its row.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from workers.schedule import BEAT_SCHEDULE

# Longer than any job should take: what a killed worker held is re-sent by `workers.stranded` long
# before, so this only catches what nobody else did.
VISIBILITY_SECONDS = 6 * 3600

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
# The checks load every page of the dashboard, which a worker never shows; `manage check` runs them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("shipshape", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_default_queue="team",
    task_create_missing_queues=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Nobody listens to these, and a message that commands workers is one that could be forged.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_pool_limit=4,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 30,
    },
    timezone="UTC",
    beat_schedule=BEAT_SCHEDULE,
    beat_max_loop_interval=30,
    include=[
        "workers.tasks.images",
        "workers.tasks.travel",
        "workers.tasks.builds",
        "workers.tasks.containers",
        "workers.tasks.changes",
        "workers.tasks.leases",
        "workers.tasks.volumes",
        "workers.tasks.networks",
        "workers.tasks.trash",
        "workers.tasks.policies",
        "workers.tasks.deliveries",
        "workers.tasks.team",
    ],
)


@worker_ready.connect
def _send_stranded_jobs(**_: object) -> None:
    from django.db import connection

    from workers.runtime import host_name, job_locks
    from workers.stranded import send_stranded_jobs

    send_stranded_jobs(host_name(), locks=job_locks())
    connection.close()


@worker_shutting_down.connect
def _interrupt_jobs(**_: object) -> None:
    # A warm shutdown waits for what runs; interrupted jobs go back to the queue, so it is short.
    from workers.running import RUNNING

    RUNNING.interrupt_all()
