"""Secrets of jobs: for the worker, as long as the job goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard import services, vault
from dashboard.models import Job, JobSecret
from dashboard.services.secrets import keep_secrets
from dashboard.services.work import MAX_ATTEMPTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(request_by, otto) -> Job:
    job: Job = request_by(otto)
    keep_secrets(job, {"token": "s3cret"})
    return job


def test_what_is_stored_can_only_be_read_with_the_key(job):
    (row,) = JobSecret.objects.all()

    assert "s3cret" not in row.encrypted_value
    assert vault.decrypt(row.encrypted_value) == "s3cret"
    assert "s3cret" not in str(row)


def test_they_are_there_while_the_job_goes_on(job):
    services.claim_job(job.pk, worker="w1")

    assert services.reveal_secrets(job.pk) == {"token": "s3cret"}


@pytest.mark.parametrize("end", [services.finish_job, services.fail_job])
def test_they_are_forgotten_with_the_end_of_the_job(job, end):
    services.claim_job(job.pk, worker="w1")
    told = {"outcome": {}} if end is services.finish_job else {"error": {"message": "no"}}

    assert end(job.pk, worker="w1", **told)

    assert services.reveal_secrets(job.pk) == {}


def test_they_are_forgotten_when_a_running_job_is_cancelled(job):
    services.claim_job(job.pk, worker="w1")

    assert services.mark_job_cancelled(job.pk, worker="w1")

    assert not JobSecret.objects.exists()


def test_they_are_forgotten_when_nobody_can_do_the_job(job):
    services.claim_job(job.pk, worker="w1")
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(attempts=MAX_ATTEMPTS, lease_expires_at=past)

    services.resend_stranded_jobs("alpha")

    assert not JobSecret.objects.exists()
