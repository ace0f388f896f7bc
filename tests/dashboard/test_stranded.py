"""Jobs whose message or whose worker was lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard import services
from dashboard.models import AuditEntry, AuditOutcome, Job, JobState
from dashboard.services.work import MAX_ATTEMPTS
from tests.support.queues import drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(request_by, otto) -> Job:
    job = request_by(otto)
    drain()
    return job


def ago(seconds: float):
    return timezone.now() - timedelta(seconds=seconds)


def change(job: Job, **values: object) -> None:
    Job.objects.filter(pk=job.pk).update(**values)


def test_a_job_that_was_never_sent_is_sent(job):
    change(job, sent_at=None, send_count=0, created_at=ago(10))

    assert services.resend_stranded_jobs("alpha") == 1

    assert drain() == [("images.pull", {"job_id": str(job.pk)})]
    job.refresh_from_db()
    assert job.send_count == 1


def test_a_job_that_was_just_made_is_left_to_its_sender(job):
    change(job, sent_at=None, send_count=0)

    assert services.resend_stranded_jobs("alpha") == 0


def test_a_message_that_the_broker_forgot_is_sent_again(job):
    change(job, sent_at=ago(61))

    assert services.resend_stranded_jobs("alpha") == 1


def test_a_job_that_just_waits_its_turn_is_sent_ever_more_rarely(job):
    change(job, sent_at=ago(61), send_count=2)
    assert services.resend_stranded_jobs("alpha") == 0

    change(job, sent_at=ago(121), send_count=2)
    assert services.resend_stranded_jobs("alpha") == 1


def test_a_job_whose_worker_died_is_sent_again(job):
    services.claim_job(job.pk, worker="w1")
    change(job, lease_expires_at=ago(1))

    assert services.resend_stranded_jobs("alpha") == 1


def test_a_job_that_runs_is_left_alone(job):
    services.claim_job(job.pk, worker="w1")
    change(job, sent_at=ago(3600))

    assert services.resend_stranded_jobs("alpha") == 0


def test_a_new_worker_lets_go_of_what_the_dead_one_held(job):
    services.claim_job(job.pk, worker="w1")

    assert services.release_jobs(host="alpha", worker="w2") == 1
    assert services.resend_stranded_jobs("alpha") == 1
    assert services.claim_job(job.pk, worker="w2") is not None


def test_a_worker_keeps_what_it_holds_itself(job):
    services.claim_job(job.pk, worker="w1")

    assert services.release_jobs(host="alpha", worker="w1") == 0
    assert services.claim_job(job.pk, worker="w2") is None


def test_a_job_that_kills_every_worker_fails_at_last(job):
    services.claim_job(job.pk, worker="w1")
    change(job, attempts=MAX_ATTEMPTS, lease_expires_at=ago(1))

    assert services.resend_stranded_jobs("alpha") == 0

    job.refresh_from_db()
    assert (job.state, job.error["code"]) == (JobState.FAILED, "gave-up")
    assert AuditEntry.objects.get().outcome == AuditOutcome.FAILED


def test_jobs_of_other_hosts_are_theirs_to_send(job):
    change(job, sent_at=None, created_at=ago(10))

    assert services.resend_stranded_jobs("beta") == 0
    assert drain() == []
