"""From what a body does to what stands in the job's row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError
from django.utils import timezone

from dashboard.jobs import JobName
from dashboard.models import Job, JobState, Role
from engine.errors import ImageNotFound, OutOfSpace, RateLimited, RegistryUnreachable
from engine.progress import Cancelled, Message, StepProgress
from workers import outcome
from workers.running import JobRows, RunningJobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.work import Work

# Progress is written by a thread of its own, which has to see what the test wrote.
pytestmark = pytest.mark.django_db(transaction=True)

STARTER = JobName.MAKE_STARTER_IMAGE


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "engine", object)
    monkeypatch.setattr(outcome, "DELAYS", (0.0, 0.0))
    monkeypatch.setattr(outcome, "RUNNING", RunningJobs(JobRows(), every=0.01))


@pytest.fixture
def perform(make_job) -> Callable[..., Job]:
    def run(body, job: Job | None = None) -> Job:
        job = job or make_job()
        outcome.perform(STARTER, str(job.pk), body)
        job.refresh_from_db()
        return job

    return run


def raising(*errors: Exception):
    """A body that raises each of *errors* once and then succeeds."""
    left = list(errors)

    def body(work: Work) -> dict:
        if left:
            raise left.pop(0)
        return {"message": "done"}

    return body


def log_of(job: Job) -> list[str]:
    return list(job.log_lines.values_list("text", flat=True))


def test_what_a_body_returns_is_the_outcome(perform) -> None:
    job = perform(lambda work: {"message": "Made it", "image_id": "sha256:1"})

    assert job.state == JobState.SUCCEEDED
    assert job.outcome == {"message": "Made it", "image_id": "sha256:1"}
    assert job.finished_at is not None


def test_an_error_tells_what_where_and_what_to_do(perform) -> None:
    job = perform(raising(ImageNotFound("web:1")))

    assert job.state == JobState.FAILED
    assert job.error == {
        "kind": "not-found",
        "code": "image-not-found",
        "message": "No such image: web:1 (on this host)",
        "field": "image",
        "remedy": "Check the name and the tag, or pull the image first.",
        "retryable": False,
    }


def test_a_defect_is_told_without_its_traceback(perform, caplog) -> None:
    with caplog.at_level(logging.ERROR):
        job = perform(raising(ZeroDivisionError("secret")))

    assert job.state == JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "internal-error"
    assert "secret" not in str(job.error)
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_is_away_for_a_moment_ends_no_job(perform, make_job) -> None:
    job = make_job()
    body = raising(OperationalError("database is locked"))

    with pytest.raises(OperationalError):
        perform(body, job)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING

    assert perform(body, job).state == JobState.SUCCEEDED
    assert job.attempts == 2


def test_what_may_go_through_later_is_tried_again_and_says_so(perform) -> None:
    job = perform(raising(RegistryUnreachable("r"), RegistryUnreachable("r")))

    assert job.state == JobState.SUCCEEDED
    assert log_of(job) == [
        "cannot reach r. Trying again in 0 s (2 of 3).",
        "cannot reach r. Trying again in 0 s (3 of 3).",
    ]


def test_it_is_not_tried_for_ever(perform) -> None:
    job = perform(raising(*[RegistryUnreachable("r")] * 3))

    assert job.state == JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "registry-unreachable"


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        pytest.param(RateLimited("r", retry_after=7), 7, id="as-the-registry-says"),
        pytest.param(RateLimited("r", retry_after=None), 1, id="the-registry-does-not-say"),
        pytest.param(RateLimited("r", retry_after=3600), None, id="too-long-to-wait"),
        pytest.param(OutOfSpace("/"), None, id="a-full-disk-stays-full"),
        pytest.param(ImageNotFound("web"), None, id="waiting-makes-no-image"),
    ],
)
def test_how_long_it_waits(error, delay) -> None:
    assert outcome.retry_delay(error, 1.0) == delay


def test_a_cancelled_body_ends_cancelled(perform) -> None:
    assert perform(raising(Cancelled())).state == JobState.CANCELLED


def test_a_cancel_while_it_runs_reaches_the_body(perform) -> None:
    def body(work: Work) -> dict:
        Job.objects.filter(pk=work.job.pk).update(cancel_requested_at=timezone.now())
        work.cancellation.wait(10)
        return {"message": "was not stopped"}

    assert perform(body).state == JobState.CANCELLED


def test_a_body_interrupted_by_the_worker_s_end_goes_back_to_the_queue(perform) -> None:
    def body(work: Work) -> dict:
        outcome.RUNNING.interrupt_all()
        work.cancellation.check()
        return {}

    job = perform(body)

    assert (job.state, job.attempts, job.sent_at) == (JobState.QUEUED, 0, None)


def test_a_cancel_counts_more_than_the_worker_s_end(perform) -> None:
    def body(work: Work) -> dict:
        Job.objects.filter(pk=work.job.pk).update(cancel_requested_at=timezone.now())
        outcome.RUNNING.interrupt_all()
        raise Cancelled

    assert perform(body).state == JobState.CANCELLED


def test_nothing_is_done_for_who_lost_the_role_meanwhile(perform, make_job, otto) -> None:
    job = make_job()
    otto.role = Role.VIEWER
    otto.save()
    done = []

    perform(lambda work: done.append(work), job)

    assert done == []
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "not-permitted"


def test_a_row_that_reaches_into_the_host_for_an_operator_gets_nothing_done(make_job):
    asked = []
    arguments = {"settings": {"image": "busybox", "pid_mode": "host"}}
    job = make_job(JobName.LAUNCH_CONTAINER, arguments)

    outcome.perform(JobName.LAUNCH_CONTAINER, str(job.pk), asked.append)

    job.refresh_from_db()
    assert (job.error["code"], job.error["field"], asked) == ("reaches-host", "pid_mode", [])


def test_arguments_are_parsed_before_anything_is_done(perform, make_job) -> None:
    job = perform(lambda work: {"message": "done"}, make_job(arguments={"extra": 1}))

    assert job.state == JobState.FAILED
    assert job.error is not None
    assert job.error["field"] == "extra"


def test_progress_and_lines_are_in_the_row_before_it_ends(perform) -> None:
    def body(work: Work) -> dict:
        work.progress.emit(StepProgress("web", 1, 1))
        work.progress.emit(Message("removed web"))
        return {"message": "done"}

    job = perform(body)

    assert job.progress["current"] == 1
    assert log_of(job) == ["removed web"]


def test_what_is_remembered_survives_the_worker(perform, make_job) -> None:
    job = make_job()

    class Killed(BaseException):
        """As if the process ended here."""

    def first(work: Work) -> dict:
        work.remember({"container_id": "c" * 64})
        raise Killed

    with pytest.raises(Killed):
        perform(first, job)
    seen = []
    perform(lambda work: seen.append((work.is_takeover, work.remembered)) or {"message": ""}, job)

    assert seen == [(True, {"container_id": "c" * 64})]


def test_a_worker_that_lost_its_job_reports_nothing(perform) -> None:
    def body(work: Work) -> dict:
        Job.objects.filter(pk=work.job.pk).update(claimed_by="somebody else")
        return {"message": "mine"}

    job = perform(body)

    assert job.state == JobState.RUNNING
    assert job.outcome is None
