"""Jobs about the trash of a real engine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard.agents import Question
from dashboard.jobs import JobName
from dashboard.models import AuditEntry
from engine.containers.departed import DepartedLimits
from engine.errors import (
    ContainerRunning,
    EngineError,
    RestoreConflict,
)
from tests.support.cleaning import ASK_ANA, add_container, add_image
from workers.agent.trash import TrashKeeper
from workers.tasks import trash

pytestmark = [pytest.mark.root, pytest.mark.django_db]


def test_one_container_moves_to_the_trash_and_once_only(real, work) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    told = {"ids": [container.id]}

    first = trash.trash_containers(work(JobName.TRASH_CONTAINERS, told))
    again = trash.trash_containers(work(JobName.TRASH_CONTAINERS, told, attempts=2))

    assert first["message"] == "Moved 1 container to the trash."
    assert again["trashed"] == first["trashed"] == [f"trash:{container.id}"]


def test_an_image_in_use_does_not_move(real, work) -> None:
    image = add_image(real, "web:1")
    add_container(real, image, "web")

    with pytest.raises(EngineError, match="web"):
        trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(image.id)]}))


def test_a_running_container_moves_only_where_it_is_to_be_stopped(real, work, monkeypatch) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    stopped: list[str] = []

    def refuse(*_: object, **__: object) -> str:
        raise ContainerRunning("web", state=container.state)

    monkeypatch.setattr(real.cleanup.trash, "put", refuse)
    monkeypatch.setattr(real.containers, "stop", stopped.append)
    with pytest.raises(ContainerRunning):
        trash.trash_containers(work(JobName.TRASH_CONTAINERS, {"ids": [container.id]}))

    assert stopped == []


def test_a_name_that_is_taken_is_told_with_another_one(real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    moved = trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(image.id)]}))
    real.images.tag(str(other.id), "web:1")
    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": moved["trashed"]})

    with pytest.raises(RestoreConflict):
        trash.restore(undo)

    (refused,) = undo.remembered["refused"]
    assert refused["offered"] == ["web:1-restored"]
    told = {"ids": moved["trashed"], "names": refused["offered"]}
    outcome = trash.restore(work(JobName.RESTORE_FROM_TRASH, told))
    assert outcome["restored"] == moved["trashed"]
    assert real.images.get("web:1-restored").id == image.id


def test_emptying_takes_what_was_named_and_nothing_else(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    ids = [str(image.id), str(other.id)]
    moved = trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": ids}))["trashed"]

    outcome = trash.empty_trash(work(JobName.EMPTY_TRASH, {"ids": moved[:1]}))

    assert outcome["removed"] == moved[:1]
    assert outcome["freed_bytes"] > 0
    assert [each["id"] for each in ask(Question.TRASH_LIST)["items"]] == moved[1:]


def test_the_trash_is_emptied_as_the_hosts_limits_say(ask, real, work, host) -> None:
    trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(add_image(real, "web:1").id)]}))
    keeper = TrashKeeper(real, "alpha")

    keeper.tend()
    assert len(ask(Question.TRASH_LIST)["items"]) == 1

    host.trash_max_bytes = 1
    host.save()
    keeper.tend()

    assert ask(Question.TRASH_LIST)["items"] == []
    entry = AuditEntry.objects.get(action="trash.tend")
    assert entry.summary.startswith("Emptied the trash of 1 thing")


def test_logs_of_removed_containers_are_kept_as_the_hosts_limits_say(real, host) -> None:
    keeper = TrashKeeper(real, "alpha")
    keeper.tend()
    assert real.containers.departed_limits == DepartedLimits()

    host.removed_log_hours, host.removed_log_max_bytes = 48, 1 << 20
    host.save()
    keeper.tend()

    assert real.containers.departed_limits == DepartedLimits(timedelta(hours=48), 1 << 20)


def test_an_operator_moves_and_deletes_only_their_own(real, work, operator) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")

    moved = trash.trash_containers(work(JobName.TRASH_CONTAINERS, {"ids": [hers.id, mine.id]}))
    assert moved["trashed"] == [f"trash:{mine.id}"]
    assert moved["skipped"] == [{"id": hers.id, "reason": ASK_ANA}]

    put = real.cleanup.trash.put(hers.id, owner="ana")
    emptied = trash.empty_trash(work(JobName.EMPTY_TRASH, {"ids": [put, f"trash:{mine.id}"]}))
    assert emptied["removed"] == [f"trash:{mine.id}"]
    assert emptied["skipped"] == [{"id": put, "reason": ASK_ANA}]
