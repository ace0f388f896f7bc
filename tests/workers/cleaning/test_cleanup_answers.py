"""What pages are told of clean-ups and of the trash, by a real engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.agents import Question
from engine.cleanup.plan import CleanupReport, SealedItem, SealedPlan
from engine.cleanup.subject import Facts, SubjectKind
from engine.cleanup.trash import TrashItem
from engine.errors import (
    InvalidInput,
)
from tests.support.cleaning import add_container, add_image
from workers.tasks import trash

pytestmark = [pytest.mark.root, pytest.mark.django_db]


def test_what_is_found_says_why_it_goes_and_why_it_stays(ask, real) -> None:
    image, dangling = add_image(real, "web:1"), add_image(real, None, b"y")
    container = add_container(real, image, "web")

    found = ask(Question.CLEANUP_FIND, safe=["untagged-images", "stopped-containers"])
    older = ask(Question.CLEANUP_FIND, filters={"older_than": 3600})

    sections = found["sections"]
    assert [each["id"] for each in sections["untagged-images"]["rows"]] == [str(dangling.id)]
    (stays,) = sections["unused-images"]["kept"]
    assert (stays["stays"], stays["behind"]) == ("is used by web", [container.id])
    (row,) = sections["stopped-containers"]["rows"]
    assert (row["name"], row["owner"], row["reason"]) == ("web", "ana", "was never started")
    assert sorted(found["safe"]["kinds"]) == ["container", "image"]
    assert older["sections"]["untagged-images"]["rows"] == []
    assert older["sections"]["untagged-images"]["kept"][0]["stays"] == "is younger than 1 hour"


def test_of_many_the_largest_are_told_and_all_are_counted(ask, real) -> None:
    for number in range(3):
        add_image(real, None, b"x" * 10_000 * (number + 1))

    found = ask(Question.CLEANUP_FIND, only="untagged-images", rows=2)

    (section,) = found["sections"].values()
    assert section["count"] == 3
    assert len(section["rows"]) == 2
    assert section["bytes"] >= sum(each["bytes"] for each in section["rows"])
    bytes_ = [each["bytes"] for each in section["rows"]]
    assert bytes_ == sorted(bytes_, reverse=True)


def test_the_trash_is_told_by_pages_and_what_had_come_by_a_moment(ask, real) -> None:
    ids = [str(add_image(real, None, b"%d" % number).id) for number in range(3)]
    trash = real.cleanup.trash
    moved = [trash.put(each) for each in ids[:2]]
    until = ask(Question.TRASH_LIST)["until"]
    trash.put(ids[2])

    page = ask(Question.TRASH_LIST, first=2)

    assert (page["first"], page["count"], len(page["items"])) == (2, 3, 1)
    assert page["bytes"] == trash.freed_by(each.id for each in trash.list())
    assert sorted(ask(Question.TRASH_LIST, until=until)["ids"]) == sorted(moved)
    for wrong in ("yesterday", "2026-07-01T12:00:00"):
        with pytest.raises(InvalidInput):
            ask(Question.TRASH_LIST, until=wrong)


def test_an_image_that_nobody_pushed_is_the_only_copy(ask, real) -> None:
    image = add_image(real, "web:1")

    found = ask(Question.CLEANUP_COPY, image_id=str(image.id))

    assert found["whereabouts"] == "only-here"


def test_ten_thousand_things_are_told_of_without_comparing_each_with_each() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    ids = [f"{number:064x}" for number in range(10_000)]
    looks: list[str] = []

    class Lying(TrashItem):
        @property
        def was(self) -> tuple[str, str]:
            looks.append(self.id)
            return self.subject, ""

    items = tuple(
        SealedItem(SubjectKind.CONTAINER, each, each, "", "ana", at, Facts()) for each in ids
    )
    plan = SealedPlan("p", items, (), 0, 0, at, "ana", at)
    lying = [Lying(f"trash:{each}", SubjectKind.CONTAINER, (each,), "", at, "") for each in ids]

    outcome = trash.outcome_of(plan, CleanupReport((), (), 0), lying)

    assert len(outcome["trashed"]) == len(looks) == len(ids)
