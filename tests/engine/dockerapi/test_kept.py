from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from engine.dockerapi.kept import MOST, Kept

if TYPE_CHECKING:
    from engine.engine import Engine


def test_what_was_made_is_made_once_while_nothing_changes() -> None:
    versions, made = iter((1, 1, 1, 1, 2)), count()
    kept = Kept[int](lambda: next(versions))

    assert [kept.get("a", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    assert kept.get("b", lambda: next(made)) == 1
    assert kept.get("a", lambda: next(made)) == 2


def test_what_could_not_be_made_is_not_kept() -> None:
    kept = Kept[int](lambda: 1)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)

    assert kept.get("a", lambda: 7) == 7


def test_what_is_ready_is_there_at_once_and_nothing_else() -> None:
    versions = [1]
    kept = Kept[int](lambda: versions[-1])

    assert kept.ready("a") is None
    kept.get("a", lambda: 7)
    assert kept.ready("a") == 7
    versions.append(2)
    assert kept.ready("a") is None


def test_nobody_who_asks_for_what_is_ready_waits_for_what_is_made() -> None:
    kept = Kept[int](lambda: 1)
    kept.get("a", lambda: 7)

    assert kept.get("b", lambda: int(kept.ready("a") is None)) == 1


def test_no_more_is_kept_than_makes_sense() -> None:
    kept = Kept[int](lambda: 1)
    for number in range(MOST * 3):
        kept.get(number, lambda number=number: number)

    assert len(kept._values) <= MOST


def test_any_change_of_a_record_is_another_version(engine: Engine) -> None:
    before = engine.version()
    assert engine.version() == before

    engine.events.record("container", "create", "x")

    assert engine.version() != before
