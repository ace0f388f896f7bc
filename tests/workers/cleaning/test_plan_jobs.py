"""Plans over a real engine: what comes of them, and whose things they may take."""

from __future__ import annotations

import pytest

from dashboard.agents import Question
from dashboard.jobs import JobName
from dashboard.models import Container, Image, Role
from engine.errors import (
    EngineError,
    PlanNotFound,
)
from tests.support.cleaning import ASK_ANA, add_container, add_image, project
from workers.tasks import trash

pytestmark = [pytest.mark.root, pytest.mark.django_db]


def test_what_was_weighed_is_what_the_plan_says_and_what_comes_free(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, None, b"y")
    container = add_container(real, image, "web")
    chosen = [str(image.id), str(other.id), container.id]

    alone = ask(Question.CLEANUP_WEIGH, ids=[str(image.id)])
    weighed = ask(Question.CLEANUP_WEIGH, ids=chosen)
    plan = ask(Question.CLEANUP_PLAN, ids=[*chosen, "gone"], owner="otto")
    told = {"plan_id": plan["plan_id"]}
    before = real.disk().total
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    assert (alone["count"], alone["kept"][0]["reason"]) == (0, "is used by web")
    assert (weighed["count"], plan["count"], plan["missing"]) == (3, 3, 1)
    assert weighed["bytes"] == plan["bytes"] == outcome["freed_bytes"]
    assert before - real.disk().total >= outcome["freed_bytes"]
    assert {each["became"] for each in outcome["results"]} == {"gone"}
    assert outcome["trashed"] == []


def test_a_plan_into_the_trash_is_undone(ask, real, work) -> None:
    image = add_image(real, "web:1")
    container = add_container(real, image, "web")
    project(real)
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id), container.id], owner="otto")

    told = {"plan_id": plan["plan_id"], "into_trash": True, "about": "1 image and 1 container"}
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    assert outcome["message"] == "Moved 1 container and 1 image to the trash. Freed 0 B."
    assert not Container.objects.exists()
    assert not Image.objects.exists()
    listed = ask(Question.TRASH_LIST)
    assert {each["id"] for each in listed["items"]} == set(outcome["trashed"])
    assert listed["bytes"] == plan["bytes"]

    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": outcome["trashed"]})
    assert trash.restore(undo)["message"] == "Restored 2 things."
    assert Container.objects.get().name == "web"
    assert Image.objects.get().tags.get().tag == "1"


def test_running_a_plan_again_after_a_crash_reports_what_is_there(ask, real, work) -> None:
    image = add_image(real, "web:1")
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id)])
    told = {"plan_id": plan["plan_id"], "into_trash": True}

    first = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))
    again = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told, attempts=2))

    assert again["trashed"] == first["trashed"]


def test_what_was_used_since_stays_with_the_reason(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id), str(other.id)], owner="otto")
    add_container(real, image, "late")

    told = {"plan_id": plan["plan_id"], "into_trash": True}
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    became = {each["name"]: (each["became"], each["reason"]) for each in outcome["results"]}
    assert became["web:2"] == ("trash", "")
    assert became["web:1"][0] == "stayed"
    assert "late" in became["web:1"][1]
    assert "Left 1 alone" in outcome["message"]


def test_an_unknown_plan_is_refused(work) -> None:
    with pytest.raises(PlanNotFound):
        trash.run_clean_up(work(JobName.RUN_CLEAN_UP, {"plan_id": "e" * 32}))


def test_what_is_kept_is_shown_so_and_no_plan_takes_it(ask, real, work) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    project(real)

    trash.keep_things(work(JobName.KEEP_THINGS, {"ids": [container.id]}))

    assert Container.objects.get().is_kept
    kept = ask(Question.CLEANUP_PLAN, ids=[container.id], owner="otto")
    assert (kept["count"], kept["kept"][0]["reason"]) == (0, "is pinned")

    trash.keep_things(work(JobName.KEEP_THINGS, {"ids": [container.id], "let_go": True}))

    assert not Container.objects.get().is_kept


@pytest.mark.parametrize(
    "told",
    [{"rules": ["x"]}, {"ids": [1]}, {"filters": {"older_than": -1}}, {"filters": {"names": "x"}}],
)
def test_selections_that_make_no_sense_are_refused(ask, told) -> None:
    with pytest.raises(EngineError):
        ask(Question.CLEANUP_PLAN, **told)


def test_an_operator_s_plan_has_only_their_own_things(ask, real, operator) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")
    chosen = [str(image.id), hers.id, mine.id]

    plan = ask(Question.CLEANUP_PLAN, ids=chosen, owner="otto")
    weighed = ask(Question.CLEANUP_WEIGH, ids=chosen, owner="otto")

    assert [each["name"] for each in plan["items"]] == ["his"]
    assert {each["reason"] for each in plan["kept"]} == {ASK_ANA}
    assert (weighed["count"], weighed["bytes"]) == (1, plan["bytes"])


def test_a_plan_of_somebody_else_s_leaves_an_operator_only_what_is_theirs(
    ask, real, work, maintainer
) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")
    plan = ask(Question.CLEANUP_PLAN, ids=[hers.id, mine.id], owner="otto")
    maintainer.role = Role.OPERATOR
    maintainer.save()

    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, {"plan_id": plan["plan_id"]}))

    assert outcome["removed"] == [mine.id]
    assert outcome["skipped"] == [{"id": hers.id, "reason": f"hers {ASK_ANA}"}]
    assert [each.name for each in real.containers.list()] == ["hers"]
