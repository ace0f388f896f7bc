"""A worker's hold on a job."""

from datetime import timedelta

import pytest
from django.db.models import F

from dashboard import services
from dashboard.models import AuditEntry, AuditOutcome, Job, JobLogLine, JobState
from dashboard.services import work
from tests.support.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@pytest.fixture
def job(request_by, otto) -> Job:
    return request_by(otto)


@pytest.fixture
def running(job) -> Job:
    return services.claim_job(job.pk, worker="w1")


def expire_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_expires_at=F("started_at") - timedelta(seconds=1))


def test_a_claimed_job_runs_under_a_lease(running):
    assert (running.state, running.claimed_by, running.attempts) == ("running", "w1", 1)
    assert running.lease_expires_at == running.started_at + work.LEASE


def test_of_many_claims_one_wins(job):
    claims = at_once(*[lambda i=i: services.claim_job(job.pk, worker=f"w{i}") for i in range(6)])

    assert sum(claim is not None for claim in claims) == 1


def test_a_message_that_comes_twice_is_done_once(running):
    assert services.claim_job(running.pk, worker="w1") is None


def test_a_job_whose_worker_died_is_taken_over(running):
    expire_lease(running)

    taken = services.claim_job(running.pk, worker="w2")

    assert (taken.claimed_by, taken.attempts) == ("w2", 2)


def test_a_worker_that_lost_its_job_can_report_nothing(running):
    expire_lease(running)
    services.claim_job(running.pk, worker="w2")

    assert not services.renew_lease(running.pk, worker="w1")
    assert not services.save_progress(running.pk, worker="w1", progress={"phase": "x"})
    assert not services.append_log(running.pk, worker="w1", lines=["x"])
    assert not services.finish_job(running.pk, worker="w1", outcome={"message": "x"})
    assert not services.fail_job(running.pk, worker="w1", error={"message": "x"})
    assert not services.mark_job_cancelled(running.pk, worker="w1")
    running.refresh_from_db()
    assert (running.state, running.progress, running.outcome) == ("running", {}, None)


def test_progress_renews_the_lease(running):
    expire_lease(running)

    assert services.save_progress(
        running.pk, worker="w1", progress={"phase": "downloading", "current": 50, "total": 200}
    )

    running.refresh_from_db()
    assert running.percent == 25
    assert services.claim_job(running.pk, worker="w2") is None


def test_success_closes_the_audit_entries_of_all_who_asked(job, request_by, ada):
    request_by(ada)
    services.claim_job(job.pk, worker="w1")

    assert services.finish_job(job.pk, worker="w1", outcome={"message": "Image is up to date"})

    job.refresh_from_db()
    assert (job.state, job.outcome) == ("succeeded", {"message": "Image is up to date"})
    entries = AuditEntry.objects.values_list("outcome", "message")
    assert list(entries) == [(AuditOutcome.SUCCEEDED, "Image is up to date")] * 2


def test_failure_keeps_the_error(running):
    error = {"kind": "unavailable", "code": "registry-unreachable", "message": "no route"}

    assert services.fail_job(running.pk, worker="w1", error=error)

    running.refresh_from_db()
    assert (running.state, running.error) == ("failed", error)
    assert AuditEntry.objects.get().outcome == AuditOutcome.FAILED


@pytest.mark.parametrize("before", ENDED)
@pytest.mark.parametrize("after", JobState)
def test_nothing_follows_an_end(before, after):
    assert not work.may_follow(before, after)


@pytest.mark.parametrize("state", JobState)
def test_claims_follow_the_table(job, state):
    Job.objects.filter(pk=job.pk).update(state=state, lease_expires_at=None)

    claimed = services.claim_job(job.pk, worker="w1") is not None

    # A running job is to be had only after its lease, and here it has none that could expire.
    allowed = work.may_follow(state, JobState.RUNNING) and state != JobState.RUNNING
    assert claimed == allowed


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize(
    ("end", "after"),
    [
        (lambda job: services.finish_job(job.pk, worker="w1", outcome={}), JobState.SUCCEEDED),
        (lambda job: services.fail_job(job.pk, worker="w1", error={}), JobState.FAILED),
        (lambda job: services.mark_job_cancelled(job.pk, worker="w1"), JobState.CANCELLED),
    ],
    ids=["finish", "fail", "cancel"],
)
def test_a_worker_ends_only_what_runs(running, state, end, after):
    Job.objects.filter(pk=running.pk).update(state=state)

    assert end(running) == (state == JobState.RUNNING)
    running.refresh_from_db()
    assert running.state == (after if state == JobState.RUNNING else state)


def test_log_lines_are_numbered_without_gaps(running):
    services.append_log(running.pk, worker="w1", lines=["one", "two"])
    services.append_log(running.pk, worker="w1", lines=["three\0"])

    lines = JobLogLine.objects.values_list("number", "text")
    assert list(lines) == [(1, "one"), (2, "two"), (3, "three\N{REPLACEMENT CHARACTER}")]


def test_a_log_ends_at_its_limit_and_says_so(running, monkeypatch):
    monkeypatch.setattr(work, "MAX_LOG_LINES", 3)

    for number in range(5):
        services.append_log(running.pk, worker="w1", lines=[f"line {number}"])

    texts = list(JobLogLine.objects.values_list("text", flat=True))
    assert texts == ["line 0", "line 1", "… the log is full; what follows is not kept."]


def test_an_unknown_job_cannot_be_claimed(db):
    assert services.claim_job("00000000-0000-0000-0000-000000000000", worker="w1") is None
