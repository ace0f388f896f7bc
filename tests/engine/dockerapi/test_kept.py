from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from engine.dockerapi.kept import MOST, Kept

if TYPE_CHECKING:
    from engine.engine import Engine


def test_what_was_made_is_made_once_while_nothing_changes() -> None:
    kept, made = Kept[int](), count()

    assert [kept.get(1, "a", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    assert kept.get(1, "b", lambda: next(made)) == 1
    assert kept.get(2, "a", lambda: next(made)) == 2


def test_no_more_is_kept_than_makes_sense() -> None:
    kept = Kept[int]()
    for number in range(MOST * 3):
        kept.get(1, number, lambda number=number: number)

    assert len(kept._values) <= MOST


def test_any_change_of_a_record_is_another_version(engine: Engine) -> None:
    before = engine.version()
    assert engine.version() == before

    engine.events.record("container", "create", "x")

    assert engine.version() != before
