"""A message gets something done only if a row vouches for it, and then once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from dashboard.jobs import JobName
from dashboard.models import Host, Job, JobState
from workers.claims import Claim, claimed, lock_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.system.locks import Locks

STARTER = JobName.MAKE_STARTER_IMAGE


@pytest.fixture
def claim(locks: Locks) -> Callable[..., Claim | None]:
    def make(job_id: object, name: JobName = STARTER) -> Claim | None:
        with claimed(name, str(job_id), host="alpha", locks=locks) as found:
            return found

    return make


def test_a_queued_job_is_claimed_and_runs(make_job, claim) -> None:
    job = make_job()

    found = claim(job.pk)

    assert found is not None
    job.refresh_from_db()
    assert (job.state, job.claimed_by, job.attempts) == (JobState.RUNNING, found.worker, 1)
    assert not found.is_takeover


@pytest.mark.parametrize(
    "job_id",
    [str(uuid.uuid4()), "no-uuid", "", "../../etc"],
    ids=["unknown", "word", "empty", "path"],
)
def test_a_message_that_no_row_vouches_for_does_nothing(db, claim, job_id) -> None:
    assert claim(job_id) is None


def test_a_message_under_another_name_does_nothing(make_job, claim) -> None:
    job = make_job()

    assert claim(job.pk, JobName.REMOVE_CONTAINER) is None
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_job_of_another_host_is_not_touched(make_job, claim) -> None:
    job = make_job(host=Host.objects.create(name="beta"))

    assert claim(job.pk) is None


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_ended_stays_as_it_is(make_job, claim, state) -> None:
    job = make_job(state=state)

    assert claim(job.pk) is None
    job.refresh_from_db()
    assert job.state == state


def test_a_job_that_another_process_runs_is_left_to_it(make_job, claim, locks) -> None:
    job = make_job()
    with locks.held(lock_name(job.pk)):
        assert claim(job.pk) is None

    assert Job.objects.get(pk=job.pk).state == JobState.QUEUED


def test_a_job_whose_worker_was_killed_is_taken_over_at_once(make_job, claim) -> None:
    job = make_job(
        state=JobState.RUNNING,
        claimed_by="dead",
        attempts=1,
        lease_expires_at=timezone.now() + timedelta(hours=1),
    )

    found = claim(job.pk)

    assert found is not None
    assert found.is_takeover
    assert found.job.attempts == 2


def test_every_claim_has_a_name_of_its_own(make_job, claim) -> None:
    first, second = claim(make_job().pk), claim(make_job().pk)

    assert first is not None
    assert second is not None
    assert first.worker != second.worker
