"""
Taking a job: who may run it, and that nobody else does.

A message only says "look at this job". Whoever receives one asks the row: is there such a job, is
it for this host and of this name, has it not ended? Then it takes the job's kernel lock, which one
process of the host can hold and which ends with that process, and only then writes itself into the
row. A row that says *running* while its lock is free was left by a worker that was killed: the job
is taken over.
"""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from dashboard.models import Job, JobState
from dashboard.services import claim_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.jobs import JobName
    from engine.system.locks import Locks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that *worker*, a name nobody else has or had, may run and report on."""

    job: Job
    worker: str

    @property
    def is_takeover(self) -> bool:
        """Whether somebody ran this job before, wholly or in part."""
        return self.job.attempts > 1


@contextmanager
def claimed(name: JobName, job_id: str, *, host: str, locks: Locks) -> Iterator[Claim | None]:
    """
    Hold the job *job_id* during the block; yields None where there is nothing to do.

    That is so for what no row vouches for (a forged message), for a job that has ended, and for one
    that another process is running at this moment.
    """
    job = find_job(name, job_id, host=host)
    if job is None:
        log.warning("ignored a message for %s that names no job of this host", name)
        yield None
        return
    with locks.tried(lock_name(job.pk)) as is_free:
        yield _claim(job, host) if is_free else None


def find_job(name: JobName, job_id: str, *, host: str) -> Job | None:
    """Return the job if there is one of that ID, that name and for that host."""
    try:
        key = uuid.UUID(str(job_id))
    except ValueError:
        return None
    return Job.objects.filter(pk=key, name=name.value, host_id=host).first()


def release_dead(job: Job) -> None:
    """
    Let go of what a killed worker held; to be called by who holds the job's lock.

    A free lock proves that the holder in the row is dead, so its lease need not be waited for.
    """
    held = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, claimed_by=job.claimed_by)
    held.update(lease_expires_at=timezone.now())


def lock_name(job_id: uuid.UUID) -> str:
    """Return the name of the kernel lock that whoever runs *job_id* holds."""
    return f"job/{job_id}"


def _claim(job: Job, host: str) -> Claim | None:
    job.refresh_from_db()
    if job.state == JobState.RUNNING:
        log.warning("taking over job %s from a worker that died", job.pk)
        release_dead(job)
    worker = f"{host}/{os.getpid()}/{uuid.uuid4().hex[:12]}"
    claimed_job = claim_job(job.pk, worker=worker)
    return Claim(claimed_job, worker) if claimed_job else None
