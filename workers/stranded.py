"""
Jobs of this host whose message or whose worker was lost: found, and sent again.

Two things are certain here that the dashboard can only guess after a while. A job whose row says
*running* while its kernel lock is free has lost its worker. And while this host's queue is empty, a
job that waits in it has lost its message. Sending again what is not lost does no harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from dashboard import jobs
from dashboard.jobs import JobName, producer
from dashboard.models import Host, Job, JobState
from dashboard.services import resend_stranded_jobs
from workers.claims import lock_name, release_dead

if TYPE_CHECKING:
    from engine.system.locks import Locks

# A message that was just taken from the queue is not lost, but about to be a claim.
IN_HAND = timedelta(seconds=3)
MOST_SENT = 500


def send_stranded_jobs(host: str, *, locks: Locks) -> int:
    """Send again what *host* has lost for certain, or may have lost; return how many jobs."""
    release_orphans(host, locks=locks)
    queue = Host(name=host).queue
    lost = send_lost_jobs(host, queue) if is_queue_empty(queue) else 0
    return lost + resend_stranded_jobs(host)


def release_orphans(host: str, *, locks: Locks) -> None:
    """Let go of the jobs of *host* whose worker is dead."""
    for job in Job.objects.filter(host_id=host, state=JobState.RUNNING):
        with locks.tried(lock_name(job.pk)) as is_free:
            if is_free:
                release_dead(job)


def send_lost_jobs(host: str, queue: str) -> int:
    """Send the queued jobs of *host* that no message tells of; for when its *queue* is empty."""
    unsent, sent_before = Q(sent_at=None), Q(sent_at__lt=timezone.now() - IN_HAND)
    queued = Job.objects.filter(unsent | sent_before, host_id=host, state=JobState.QUEUED)
    return sum(
        jobs.send(JobName(job.name), job_id=job.pk, queue=queue)
        for job in queued.order_by("created_at")[:MOST_SENT]
    )


def is_queue_empty(queue: str) -> bool:
    """Whether the broker answers and holds no message in *queue*."""
    try:
        with producer().connection_for_write() as connection, connection.channel() as channel:
            declared = channel.queue_declare(queue=queue, durable=True)  # type: ignore[attr-defined]
    except (OperationalError, OSError):
        return False
    return bool(declared.message_count == 0)
