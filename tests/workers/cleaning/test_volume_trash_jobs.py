"""Volumes on their way to the trash and back, over a real engine."""

from __future__ import annotations

import pytest

from dashboard.agents import Question
from dashboard.jobs import JobName
from dashboard.models import Volume
from engine.errors import (
    RestoreConflict,
    VolumeInUse,
)
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.volumes.settings import VolumeSettings
from tests.support.cleaning import ASK_ANA, add_image, add_volume, project
from workers.tasks import trash

pytestmark = [pytest.mark.root, pytest.mark.django_db]


def test_volumes_move_to_the_trash_once_only_and_come_back(ask, real, work) -> None:
    add_volume(real, "data")
    project(real)
    told = {"ids": ["data"]}

    first = trash.trash_volumes(work(JobName.TRASH_VOLUMES, told))
    again = trash.trash_volumes(work(JobName.TRASH_VOLUMES, told, attempts=2))

    assert first["message"] == "Moved 1 volume to the trash."
    assert again["trashed"] == first["trashed"]
    assert not Volume.objects.exists()
    (item,) = ask(Question.TRASH_LIST)["items"]
    assert (item["kind"], item["names"], item["owner"]) == ("volume", ["data"], "ana")
    assert item["bytes"] > 0

    back = trash.restore(work(JobName.RESTORE_FROM_TRASH, {"ids": first["trashed"]}))

    assert back["message"] == "Restored data."
    assert Volume.objects.get().name == "data"
    assert (real.volumes.get("data").mountpoint / "file").read_text() == "data"


def test_a_volume_in_use_does_not_move_and_says_by_whom(real, work) -> None:
    add_volume(real, "data")
    add_volume(real, "spare")
    mount = MountPoint(MountKind.VOLUME, "/data", "data")
    settings = ContainerSettings(
        name="db", image=str(add_image(real, "web:1").id), command=("true",), mounts=(mount,)
    )
    real.containers.create(settings)

    with pytest.raises(VolumeInUse, match="db"):
        trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data"]}))
    both = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data", "spare"]}))

    assert both["message"] == "Moved 1 volume to the trash. Left 1 alone."
    assert both["skipped"][0]["id"] == "data"


def test_a_volume_whose_name_was_taken_comes_back_under_another(real, work) -> None:
    add_volume(real, "data")
    moved = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data"]}))["trashed"]
    real.volumes.create(VolumeSettings("data"))
    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": moved})

    with pytest.raises(RestoreConflict):
        trash.restore(undo)

    (refused,) = undo.remembered["refused"]
    assert refused["offered"] == ["data-restored"]
    trash.restore(work(JobName.RESTORE_FROM_TRASH, {"ids": moved, "names": refused["offered"]}))
    assert (real.volumes.get("data-restored").mountpoint / "file").read_text() == "data"


def test_a_plan_with_a_volume_is_told_apart_from_one_that_lies_there_already(
    ask, real, work
) -> None:
    add_volume(real, "data")
    old = real.cleanup.trash.put("volume:data")
    add_volume(real, "data")
    plan = ask(Question.CLEANUP_PLAN, ids=["volume:data"], owner="otto")
    told = {"plan_id": plan["plan_id"], "into_trash": True}

    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))
    again = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told, attempts=2))

    assert plan["trash_kinds"] == {"volume": 1}
    assert outcome["message"] == "Moved 1 volume to the trash. Freed 0 B."
    assert outcome["trashed"] == again["trashed"]
    assert old not in outcome["trashed"]


def test_an_operator_moves_only_volumes_of_their_own(real, work, operator) -> None:
    add_volume(real, "hers")
    add_volume(real, "his", owner="otto")

    outcome = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["hers", "his"]}))

    assert outcome["skipped"] == [{"id": "hers", "reason": ASK_ANA}]
    assert [each.name for each in real.volumes.list()] == ["hers"]
