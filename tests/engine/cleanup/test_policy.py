from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cleanup.filters import Filters
from engine.cleanup.history import Life, Span, lives_of
from engine.cleanup.plan import SealedItem
from engine.cleanup.policy import Policy, rehearse, within_limits
from engine.cleanup.rules import Rule, RuleKind
from engine.cleanup.subject import Facts, SubjectKind
from engine.containers.record import ContainerRecord, ContainerState
from engine.errors import InvalidSetting
from engine.oci.digest import Digest, ImageID
from engine.settings import ContainerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 30 * DAY
UNUSED = Rule(RuleKind.UNUSED_IMAGES, Filters(unused_for=7 * DAY))
STOPPED = Rule(RuleKind.STOPPED_CONTAINERS, Filters(older_than=3 * DAY))


def day(number: float) -> datetime:
    return START + number * DAY


def image(name: str, *uses: float, **more: object) -> Life:
    moments = tuple(day(each) for each in uses)
    return Life(SubjectKind.IMAGE, name, name, "ana", START, 10, uses=moments, **more)  # type: ignore[arg-type]


def days(*lives: Life, rules: tuple[Rule, ...] = (UNUSED,), **limits: int) -> list[tuple]:  # type: ignore[type-arg]
    policy = Policy("weekly", rules, **limits)
    done = rehearse(policy, lives, start=START, end=END, every=DAY)
    return [
        (each.id, (each.at - START).days, each.missed_at and (each.missed_at - START).days)
        for each in done.departures
    ]


def test_what_nobody_used_again_goes_once() -> None:
    assert days(image("web", 2)) == [("web", 10, None)]


def test_what_was_used_later_would_have_been_missed_and_goes_again() -> None:
    assert days(image("web", 2, 20)) == [("web", 10, 20), ("web", 28, None)]


def test_an_image_stays_while_a_container_holds_it() -> None:
    held = image("web", 2, holders=(Span("c1", day(2), day(15)),), called={"c1": "shop"})

    assert days(held) == [("web", 15, None)]


def test_an_image_goes_after_the_container_that_the_policy_took() -> None:
    held = image("web", 1, holders=(Span("c1", day(1)),), called={"c1": "shop"})
    container = Life(
        SubjectKind.CONTAINER,
        "c1",
        "shop",
        "ana",
        day(1),
        5,
        uses=(day(1),),
        runs=(Span("running", day(1), day(10)),),
    )

    gone = days(held, container, rules=(UNUSED, STOPPED))

    assert gone == [("c1", 14, None), ("web", 14, None)]


def test_an_image_had_the_names_that_it_had_then() -> None:
    named = image("web", names=(Span("team/web:1", day(0), day(12)),))

    gone = days(named, rules=(Rule(RuleKind.UNTAGGED_IMAGES),))

    assert gone == [("web", 12, None)]


def test_a_cap_spreads_it_over_runs() -> None:
    gone = days(image("a"), image("b"), image("c"), most_items=1)

    assert [each[1] for each in gone] == [8, 9, 10]


@pytest.mark.parametrize(("state", "goes"), [("exited", True), ("restarting", False)])
def test_what_is_about_to_be_started_again_runs(state: str, goes: bool) -> None:
    record = ContainerRecord(
        id="c1",
        name="shop",
        image_id=ImageID(Digest.of(b"web")),
        image_reference="web",
        settings=ContainerSettings(image="web"),
        command=("true",),
        state=ContainerState(state),
        pid=0,
        exit_code=3,
        oom_killed=False,
        error="",
        created_at=day(1),
        started_at=day(2),
        finished_at=day(2),
        owner="ana",
    )
    lives = lives_of((), (record,), lambda _: ())

    assert bool(days(*lives, rules=(STOPPED,))) is goes


def planned(*names: str) -> list[SealedItem]:
    return [SealedItem(SubjectKind.IMAGE, each, each, "", "ana", START, Facts()) for each in names]


def hundred_each(ids: Iterable[str]) -> int:
    return 100 * len(list(ids))


@pytest.mark.parametrize(
    ("limits", "used", "count"),
    [
        pytest.param({}, 0, 4, id="no-limit"),
        pytest.param({"most_items": 2}, 0, 2, id="items"),
        pytest.param({"most_bytes": 150}, 0, 2, id="bytes"),
        pytest.param({"high_watermark": 0.8, "low_watermark": 0.7}, 800, 0, id="not-full"),
        pytest.param({"high_watermark": 0.8, "low_watermark": 0.7}, 850, 2, id="until-below"),
    ],
)
def test_a_run_takes_what_its_limits_allow(limits: dict[str, float], used: int, count: int) -> None:
    policy = Policy("weekly", (UNUSED,), **limits)  # type: ignore[arg-type]

    going = within_limits(
        policy, planned("a", "b", "c", "d"), used=used, capacity=1000, freed=hundred_each
    )

    assert [each.id for each in going] == list("abcd")[:count]


@pytest.mark.parametrize(
    ("field", "limits"),
    [
        ("most_items", {"most_items": -1}),
        ("most_bytes", {"most_bytes": -1}),
        ("high_watermark", {"high_watermark": 1.5}),
        ("low_watermark", {"high_watermark": 0.5, "low_watermark": 0.6}),
    ],
)
def test_limits_that_mean_nothing_are_refused_by_name(field: str, limits: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Policy("weekly", (UNUSED,), **limits)  # type: ignore[arg-type]

    assert caught.value.field == field


@given(st.lists(st.lists(st.integers(0, 29), max_size=4), max_size=5), st.integers(1, 20))
def test_nothing_goes_while_it_is_away_and_all_that_was_missed_is_told(
    uses: list[list[int]], unused: int
) -> None:
    lives = [image(f"i{number}", *found) for number, found in enumerate(uses)]
    rule = Rule(RuleKind.UNUSED_IMAGES, Filters(unused_for=unused * DAY))

    done = rehearse(Policy("p", (rule,)), lives, start=START, end=END, every=DAY)

    for life in lives:
        mine = [each for each in done.departures if each.id == life.id]
        for before, after in pairwise(mine):
            assert before.missed_at is not None
            assert before.missed_at <= after.at
        for each in mine:
            assert each.missed_at == life.next_use(each.at)
