"""Jobs whose message or worker was lost are found and sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from dashboard import jobs
from dashboard.jobs import JobName
from dashboard.models import Job, JobState
from tests.support.queues import drain
from workers.claims import lock_name
from workers.stranded import send_stranded_jobs

if TYPE_CHECKING:
    from engine.system.locks import Locks

LONG_AGO = timedelta(minutes=1)


def aged(job: Job, **values: object) -> Job:
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - LONG_AGO, **values)
    job.refresh_from_db()
    return job


def sent_ids() -> list[str]:
    return [message.kwargs["job_id"] for message in drain()]


def test_a_job_that_redis_forgot_is_sent_again_while_nothing_else_waits(make_job, locks) -> None:
    job = aged(make_job(), sent_at=timezone.now() - timedelta(seconds=10), send_count=1)

    send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == [str(job.pk)]


def test_a_job_that_was_put_back_a_moment_ago_is_sent_at_once(make_job, locks) -> None:
    job = make_job()

    send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == [str(job.pk)]


def test_a_job_that_waits_behind_others_is_not_sent_twice(make_job, locks) -> None:
    job = aged(make_job(), sent_at=timezone.now() - timedelta(seconds=10), send_count=1)
    jobs.send(JobName(job.name), job_id=job.pk, queue="host.alpha")
    aged(job, sent_at=timezone.now() - timedelta(seconds=10))

    send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == [str(job.pk)]


def test_a_job_in_a_worker_s_hand_is_left_alone(make_job, locks) -> None:
    aged(make_job(), sent_at=timezone.now(), send_count=1)

    send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == []


@pytest.mark.parametrize("lease", [timedelta(hours=1), -LONG_AGO], ids=["fresh", "expired"])
def test_a_running_job_whose_lock_is_free_is_sent_for_takeover(make_job, locks, lease) -> None:
    expires = timezone.now() + lease
    job = make_job(state=JobState.RUNNING, claimed_by="dead", attempts=1, lease_expires_at=expires)

    send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == [str(job.pk)]


def test_a_job_that_really_runs_is_left_alone(make_job, locks: Locks) -> None:
    expires = timezone.now() + timedelta(seconds=30)
    job = make_job(state=JobState.RUNNING, claimed_by="me", attempts=1, lease_expires_at=expires)
    with locks.held(lock_name(job.pk)):
        send_stranded_jobs("alpha", locks=locks)

    assert sent_ids() == []
    job.refresh_from_db()
    assert job.lease_expires_at == expires


def test_a_job_that_kills_every_worker_fails_in_the_end(make_job, locks) -> None:
    job = make_job(
        state=JobState.RUNNING, claimed_by="dead", attempts=5, lease_expires_at=timezone.now()
    )

    send_stranded_jobs("alpha", locks=locks)

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert sent_ids() == []
