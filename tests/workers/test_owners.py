"""What a worker asks before it takes anything: the engine's own records."""

from __future__ import annotations

import pytest
from django.utils import timezone

from dashboard.arguments import Thing
from dashboard.jobs import JobName
from dashboard.models import Answer, JobState, OwnerQuestion, Role
from engine.settings import ContainerSettings
from engine.volumes.settings import VolumeSettings
from workers import outcome
from workers.owners import owners_in

WEB = "docker.io/library/web:latest"


@pytest.fixture
def hers(engine, monkeypatch, host):
    """A container of ana's in the engine; the projection knows nothing of it."""
    monkeypatch.setattr(outcome, "engine", lambda: engine)
    engine.images.add("web")
    return engine.containers.create(ContainerSettings(image=WEB, name="hers"), owner="ana")


def run(job) -> list[object]:
    done: list[object] = []
    outcome.perform(JobName(job.name), str(job.pk), lambda work: done.append(work) or {})
    job.refresh_from_db()
    return done


def test_every_kind_of_thing_has_its_owner(engine) -> None:
    image = engine.images.add("web", owner="ana")
    engine.volumes.create(VolumeSettings(name="data"), owner="bob")
    wanted = [Thing("image", str(image.id)), Thing("volume", "data"), Thing("volume", "gone")]

    assert list(owners_in(engine, wanted).values()) == ["ana", "bob"]


def test_a_row_that_takes_another_s_for_an_operator_gets_nothing_done(hers, make_job) -> None:
    job = make_job(JobName.REMOVE_CONTAINER, {"container_id": hers.id})

    assert run(job) == []
    assert job.state == JobState.FAILED
    assert (job.error["code"], job.error["message"]) == (
        "belongs-to-another",
        f"Container {hers.id[:12]} belongs to ana: ask the owner",
    )


def test_a_maintainer_s_row_is_done_and_not_any_more_after_a_demotion(hers, make_job, otto) -> None:
    otto.role = Role.MAINTAINER
    otto.save()
    assert len(run(make_job(JobName.REMOVE_CONTAINER, {"container_id": hers.id}))) == 1

    job = make_job(JobName.REMOVE_CONTAINER, {"container_id": hers.id})
    otto.role = Role.OPERATOR
    otto.save()

    assert run(job) == []
    assert job.error["code"] == "belongs-to-another"


def test_what_lies_in_the_trash_comes_back_under_other_names_for_its_owner_only(
    engine, monkeypatch, make_job, host
) -> None:
    monkeypatch.setattr(outcome, "engine", lambda: engine)
    item = f"trash:{'c' * 64}"
    monkeypatch.setattr(outcome, "owners_in", lambda _, things: dict.fromkeys(things, "ana"))

    assert len(run(make_job(JobName.RESTORE_FROM_TRASH, {"ids": [item]}))) == 1
    renaming = make_job(JobName.RESTORE_FROM_TRASH, {"ids": [item], "names": ["mine"]})
    assert run(renaming) == []
    assert renaming.error["code"] == "belongs-to-another"


def test_what_its_owner_let_go_is_removed_once(hers, make_job, otto, host) -> None:
    question = OwnerQuestion.objects.create(
        host=host,
        kind="container",
        object_id=hers.id,
        name="hers",
        owner="ana",
        asked_by=otto,
        answer=Answer.LET_GO,
        answered_at=timezone.now(),
    )

    assert len(run(make_job(JobName.REMOVE_CONTAINER, {"container_id": hers.id}))) == 1
    question.refresh_from_db()
    assert question.used_at is not None
    assert run(make_job(JobName.REMOVE_CONTAINER, {"container_id": hers.id})) == []
