"""Whose end people are told of."""

from __future__ import annotations

import pytest

from dashboard import services
from dashboard.jobs import JobName
from dashboard.models import Job, Notice, NoticeKind, Role, User

TRASHED = {"message": "Moved 2 images to the trash.", "trashed": ["a", "b"], "freed_bytes": 5}


@pytest.fixture
def run_of(host, ada):
    """Let a job be asked for by somebody and end."""

    def run(
        name: JobName,
        *,
        by: User = ada,
        outcome: dict | None = None,
        error: dict | None = None,
        arguments: dict | None = None,
    ) -> Job:
        job = Job.objects.create(
            name=name,
            title="Something",
            host=host,
            requested_by=by,
            dedupe_key=f"{name}{Job.objects.count()}",
            arguments=arguments or {"policy_id": 1, "name": "Nightly"},
        )
        services.claim_job(job.pk, worker="w")
        if error:
            assert services.fail_job(job.pk, worker="w", error=error)
        else:
            assert services.finish_job(job.pk, worker="w", outcome=outcome or {})
        return job

    return run


def told(notice: Notice) -> set[str]:
    return {each.user.username for each in notice.notifications.all()}


def test_what_a_policy_took_is_told_to_whoever_decides_about_policies(run_of, otto) -> None:
    maintainer = User.objects.create_user("mia", role=Role.MAINTAINER)
    job = run_of(JobName.CLEAN_UP_BY_POLICY, outcome=TRASHED)

    notice = Notice.objects.get()
    assert (notice.kind, notice.title) == (NoticeKind.POLICY_RUN, "Nightly cleaned up alpha")
    assert notice.body == "Moved 2 images to the trash."
    assert notice.link == job.get_absolute_url()
    assert told(notice) == {"ada", maintainer.username}
    assert notice.data == {
        "job": str(job.pk),
        "name": "cleanup.policy",
        "host": "alpha",
        "state": "succeeded",
        "requested_by": "ada",
        "policy": "Nightly",
        "freed_bytes": 5,
        "removed": 0,
        "trashed": 2,
        "skipped": 0,
    }


def test_a_policy_that_found_nothing_says_nothing(run_of) -> None:
    run_of(JobName.CLEAN_UP_BY_POLICY, outcome={"message": "Removed nothing.", "removed": []})

    assert not Notice.objects.exists()


def test_a_policy_that_failed_says_why(run_of) -> None:
    error = {"message": "The disk is away.", "remedy": "Look there."}
    run_of(JobName.CLEAN_UP_BY_POLICY, error=error)

    notice = Notice.objects.get()
    assert (notice.kind, notice.title) == (NoticeKind.POLICY_FAILED, "Nightly failed on alpha")
    assert notice.body == "The disk is away. Look there."


def test_that_the_trash_was_emptied_is_the_team_s_business(run_of, otto) -> None:
    run_of(JobName.EMPTY_TRASH, by=otto, outcome={"message": "Deleted 3 things.", "removed": [1]})

    notice = Notice.objects.get()
    assert notice.title == "otto emptied the trash of alpha"
    assert told(notice) == {"ada", "otto"}


def test_a_clean_up_that_failed_is_told_to_who_asked(run_of, otto) -> None:
    run_of(JobName.CLEAN_UP_NETWORKS, by=otto, error={"message": "No.", "remedy": ""})

    notice = Notice.objects.get()
    assert (notice.kind, told(notice)) == (NoticeKind.CLEANUP_FAILED, {"otto"})


@pytest.mark.parametrize("name", [JobName.PULL_IMAGE, JobName.STOP_CONTAINER])
def test_other_jobs_have_their_own_place(run_of, name) -> None:
    run_of(name, error={"message": "No.", "remedy": ""})

    assert not Notice.objects.exists()


def test_a_trash_that_its_limits_emptied_is_told_to_admins(host, ada, otto) -> None:
    services.note_emptied(host, summary="Emptied the trash of 3 things, freed 5 MB")

    notice = Notice.objects.get()
    assert notice.body == "Emptied the trash of 3 things, freed 5 MB, because its limits say so."
    assert told(notice) == {"ada"}
