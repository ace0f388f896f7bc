"""Asking for work: who may, what is stored, what is sent, who joins whom, what cancelling does."""

import pytest
from django.db import transaction

from dashboard import jobs, services
from dashboard.errors import BelongsToAnother, HostNotFound, NotPermitted, ReachesHost
from dashboard.jobs import JobName
from dashboard.models import AuditEntry, AuditOutcome, Job, JobState, Role
from engine.errors import InvalidInput
from tests.dashboard.conftest import make_user
from tests.support.queues import drain
from tests.support.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_is_a_row_an_audit_entry_and_a_message(request_by, otto):
    job = request_by(otto, address="192.0.2.7")

    job.refresh_from_db()
    assert (job.state, job.name, job.title) == ("queued", "images.pull", "Pull busybox:latest")
    assert job.arguments == {"reference": "docker.io/library/busybox:latest"}
    assert job.sent_at is not None
    assert drain() == [("images.pull", {"job_id": str(job.pk)})]
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.address, entry.action) == ("otto", "192.0.2.7", "images.pull")
    assert (entry.host_name, entry.job, entry.outcome) == ("alpha", job, AuditOutcome.REQUESTED)


def test_a_viewer_gets_nothing_done(request_by, vera):
    with pytest.raises(NotPermitted):
        request_by(vera)

    assert_nothing_happened()


def test_a_deactivated_operator_gets_nothing_done(request_by, otto):
    otto.is_active = False

    with pytest.raises(NotPermitted):
        request_by(otto)

    assert_nothing_happened()


PRIVILEGED = {"settings": {"image": "busybox", "privileged": True}}
BIND_VOLUME = {"name": "root", "options": {"type": "none", "o": "bind", "device": "/"}}


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": JobName.LAUNCH_CONTAINER, "arguments": PRIVILEGED},
        {"name": JobName.CREATE_VOLUME, "arguments": BIND_VOLUME},
    ],
)
def test_an_operator_gets_nothing_done_that_reaches_into_the_host(
    request_by, otto, ada, settings, wanted
):
    with pytest.raises(ReachesHost):
        request_by(otto, **wanted)
    assert_nothing_happened()

    assert request_by(ada, **wanted).state == JobState.QUEUED
    settings.SHIPSHAPE_PRIVILEGED_ROLE = "operator"
    assert request_by(otto, **wanted).state == JobState.QUEUED


def test_an_unknown_host_is_refused(request_by, otto):
    with pytest.raises(HostNotFound):
        request_by(otto, host="beta")

    assert_nothing_happened()


def test_bad_arguments_are_refused(request_by, otto):
    with pytest.raises(InvalidInput):
        request_by(otto, arguments={"reference": "UPPER CASE"})

    assert_nothing_happened()


def test_nothing_is_sent_when_the_request_is_rolled_back(request_by, otto):
    with transaction.atomic():
        request_by(otto)
        transaction.set_rollback(True)

    assert_nothing_happened()


def test_a_second_request_for_the_same_thing_joins_the_first(request_by, otto, ada):
    first = request_by(otto)
    second = request_by(ada, arguments={"reference": "docker.io/library/busybox:latest"})

    assert first == second
    assert len(drain()) == 1
    assert [entry.actor for entry in AuditEntry.objects.order_by("id")] == ["otto", "ada"]


def test_requests_for_different_things_do_not_join(request_by, otto):
    assert request_by(otto) != request_by(otto, arguments={"reference": "alpine"})


def test_after_its_end_the_same_thing_can_be_asked_again(request_by, otto):
    first = request_by(otto)
    services.claim_job(first.pk, worker="w")
    services.finish_job(first.pk, worker="w", outcome={"message": "done"})

    assert request_by(otto) != first


def test_a_job_that_is_being_cancelled_is_not_joined(request_by, otto):
    first = request_by(otto)
    services.claim_job(first.pk, worker="w")
    services.cancel_job(job=first, user=otto)

    assert request_by(otto) != first


def test_two_launches_are_two_containers_but_one_form_is_sent_once(request_by, otto):
    launch = {"name": JobName.LAUNCH_CONTAINER, "arguments": {"settings": {"image": "busybox"}}}

    assert request_by(otto, **launch) != request_by(otto, **launch)
    once = request_by(otto, **launch, idempotency_key="form-1")
    assert once == request_by(otto, **launch, idempotency_key="form-1")


def test_many_requests_at_once_make_one_job(request_by, otto):
    found = at_once(*[lambda: request_by(otto)] * 8)

    assert {job.pk for job in found} == {Job.objects.get().pk}
    assert len(drain()) == 1
    assert AuditEntry.objects.count() == 8


def test_with_the_broker_down_the_request_succeeds_and_waits(
    request_by, otto, settings, short_path
):
    settings.CELERY_BROKER_URL = f"redis+socket://{short_path}/gone.sock?virtual_host=0"
    jobs.producer.cache_clear()

    job = request_by(otto)

    job.refresh_from_db()
    assert (job.state, job.sent_at) == ("queued", None)


def test_a_broker_that_accepts_and_says_nothing_holds_up_no_request(
    request_by, otto, settings, silent_server
):
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent_server}/0"
    jobs.producer.cache_clear()

    job = request_by(otto)

    job.refresh_from_db()
    assert job.sent_at is None


def test_cancelling_a_queued_job_ends_it(request_by, otto):
    job = request_by(otto)

    assert services.cancel_job(job=job, user=otto, address="192.0.2.7")

    assert (job.state, job.finished_at is not None) == (JobState.CANCELLED, True)
    assert services.claim_job(job.pk, worker="w") is None
    asked, cancelled = AuditEntry.objects.order_by("id")
    assert (asked.outcome, cancelled.action) == (AuditOutcome.CANCELLED, "jobs.cancel")


def test_cancelling_a_running_job_asks_its_worker(request_by, otto):
    job = request_by(otto)
    services.claim_job(job.pk, worker="w")
    assert not services.is_cancel_requested(job.pk)

    assert services.cancel_job(job=job, user=otto)

    assert services.is_cancel_requested(job.pk)
    assert job.is_cancelling
    assert services.mark_job_cancelled(job.pk, worker="w")
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_cancelling_twice_changes_and_records_nothing_more(request_by, otto):
    job = request_by(otto)
    services.cancel_job(job=job, user=otto)

    assert not services.cancel_job(job=job, user=otto)
    assert AuditEntry.objects.filter(action="jobs.cancel").count() == 1


def test_cancelling_what_has_ended_changes_nothing(request_by, otto):
    job = request_by(otto)
    services.claim_job(job.pk, worker="w")
    services.finish_job(job.pk, worker="w", outcome={"message": "done"})

    assert not services.cancel_job(job=job, user=otto)
    assert job.state == JobState.SUCCEEDED


def test_an_operator_cancels_no_job_of_another_and_a_maintainer_does(request_by, otto, mia):
    other = make_user("ana", Role.OPERATOR)
    job = request_by(otto)

    with pytest.raises(BelongsToAnother, match="belongs to otto"):
        services.cancel_job(job=job, user=other)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED

    assert services.cancel_job(job=job, user=mia)


def test_a_viewer_cancels_nothing(request_by, otto, vera):
    job = request_by(otto)

    with pytest.raises(NotPermitted):
        services.cancel_job(job=job, user=vera)

    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def assert_nothing_happened() -> None:
    assert not Job.objects.exists()
    assert not AuditEntry.objects.exists()
    assert drain() == []
