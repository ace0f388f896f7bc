from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cleanup.subject import SubjectKind
from engine.cleanup.trash import TrashItem, TrashLimits, overdue
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SIZE = 100


def item(name: str, days: float, kind: SubjectKind = SubjectKind.CONTAINER) -> TrashItem:
    return TrashItem(f"trash:{name}", kind, (name,), "ana", NOW - days * DAY, "ana")


OLD, MIDDLE, NEW = item("old", 9), item("middle", 5), item("new", 1)
ITEMS = [NEW, OLD, MIDDLE]


def freed(ids: Iterable[str]) -> int:
    return SIZE * len(set(ids))


@pytest.mark.parametrize(
    ("limits", "excess", "going"),
    [
        pytest.param(TrashLimits(7 * DAY), 0, [OLD], id="age"),
        pytest.param(TrashLimits(5 * DAY), 0, [OLD, MIDDLE], id="the-day-itself-is-too-old"),
        pytest.param(TrashLimits(99 * DAY, SIZE), 0, [OLD, MIDDLE], id="size"),
        pytest.param(TrashLimits(99 * DAY, 3 * SIZE), 0, [], id="just-fits"),
        pytest.param(TrashLimits(99 * DAY), SIZE + 1, [OLD, MIDDLE], id="watermark"),
        pytest.param(TrashLimits(99 * DAY), 99 * SIZE, [OLD, MIDDLE, NEW], id="very-full"),
        pytest.param(TrashLimits(99 * DAY), -5, [], id="disk-has-room"),
    ],
)
def test_the_oldest_goes_until_the_rest_may_stay(
    limits: TrashLimits, excess: int, going: list[TrashItem]
) -> None:
    found = overdue(ITEMS, limits, now=NOW, excess=excess, freed=freed)

    assert found == [each.id for each in going]


@pytest.mark.parametrize(("name", "value"), [("max_bytes", -1), ("watermark", 0), ("watermark", 2)])
def test_limits_that_mean_nothing_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InvalidSetting) as caught:
        TrashLimits(**{name: value})  # type: ignore[arg-type]

    assert caught.value.field == name


def one_by_one(items: list[TrashItem], limits: TrashLimits, excess: int) -> list[str]:
    """Return what goes where each item is asked about in its turn."""
    ordered = sorted(items, key=lambda each: (each.trashed_at, each.kind, each.id))
    going = [each.id for each in ordered if NOW - each.trashed_at >= limits.retention]
    everything = freed(each.id for each in ordered)
    for each in ordered:
        gone = freed(going)
        is_large = limits.max_bytes and everything - gone > limits.max_bytes
        if each.id not in going and (is_large or gone < excess):
            going.append(each.id)
    return going


def test_many_are_weighed_with_few_questions() -> None:
    items = [item(f"{number}", number / 1000) for number in range(1000)]
    asked = []

    def counted(ids: Iterable[str]) -> int:
        asked.append(1)
        return freed(ids)

    limits = TrashLimits(7 * DAY, 10 * SIZE)
    going = overdue(items, limits, now=NOW, excess=0, freed=counted)

    assert len(going) == 990
    assert len(asked) < 20


@given(
    st.lists(st.integers(0, 20), max_size=8),
    st.integers(0, 20),
    st.integers(0, 900),
    st.integers(-100, 900),
)
def test_whatever_stays_is_younger_than_all_that_goes(
    ages: list[int], retention: int, most: int, excess: int
) -> None:
    items = [item(str(number), age) for number, age in enumerate(ages)]
    limits = TrashLimits(retention * DAY, most)

    going = overdue(items, limits, now=NOW, excess=excess, freed=freed)

    assert sorted(going) == sorted(one_by_one(items, limits, excess))
    gone = {each.trashed_at for each in items if each.id in going}
    stays = {each.trashed_at for each in items if each.id not in going}
    assert not gone or not stays or max(gone) <= min(stays)
    assert len(set(going)) == len(going)
