from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from engine.cleanup.plan import PlannedItem, Skipped
from engine.cleanup.rules import FRESH, judge_container, judge_image
from engine.containers.state import ContainerState
from engine.oci.digest import Digest
from engine.oci.reference import Reference

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


IMAGE_ID = Digest("a" * 64)


@dataclass(frozen=True)
class Container:
    id: str = "c" * 64
    name: str = "web"
    state: ContainerState = ContainerState.EXITED
    exit_code: int | None = 3
    owner: str = "ana"
    created_at: datetime = NOW - HOUR
    finished_at: datetime | None = NOW - HOUR / 2


@dataclass(frozen=True)
class Image:
    id: Digest = IMAGE_ID
    tags: tuple[Reference, ...] = ()
    added_by: str = "ana"
    added_at: datetime = NOW


def test_a_stopped_container_goes_and_says_how_it_ended() -> None:
    item = judge_container(Container(), NOW)

    assert item == PlannedItem("c" * 64, "web", "exited with code 3", "ana", NOW - HOUR / 2)


@pytest.mark.parametrize(
    "state", [ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING]
)
def test_a_container_that_lives_stays(state: ContainerState) -> None:
    assert judge_container(Container(state=state), NOW) == Skipped("c" * 64, f"is {state}")


@pytest.mark.parametrize(
    ("age", "goes"),
    [
        pytest.param(FRESH - timedelta(seconds=1), False, id="about-to-start"),
        pytest.param(FRESH, True, id="forgotten"),
    ],
)
def test_a_container_never_started_goes_once_it_is_not_fresh(age: timedelta, goes: bool) -> None:
    made = Container(state=ContainerState.CREATED, created_at=NOW - age, finished_at=None)

    assert isinstance(judge_container(made, NOW), PlannedItem) is goes


def test_an_untagged_unused_image_goes() -> None:
    item = judge_image(Image(), [])

    assert isinstance(item, PlannedItem)
    assert item.owner == "ana"


def test_an_image_with_a_tag_stays_and_the_tag_is_named() -> None:
    tagged = Image(tags=(Reference.parse("web:1"),))

    assert judge_image(tagged, []) == Skipped(str(tagged.id), "has a tag: web:1")


def test_an_image_behind_containers_stays_and_they_are_named() -> None:
    kept = judge_image(Image(), ["web", "db"])

    assert kept == Skipped(str(IMAGE_ID), "is used by container web, db")
