from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.cleanup.filters import Filters
from engine.cleanup.look import Look
from engine.cleanup.rules import Rule, RuleKind
from engine.cleanup.subject import Facts
from engine.ledger.reclaim import Piece, Reclaim
from tests.engine.cleanup.test_judge import CONTAINER, IMAGE, NOW, VOLUME

HELD = replace(IMAGE, facts=Facts(names=("team/web:1",), holders=("web",)))
DANGLING = replace(IMAGE, id="i2", name="i2")
LOOK = Look(
    (HELD, DANGLING, CONTAINER, VOLUME),
    Reclaim([Piece("a", 5), Piece("b", 7)], {"i1": ["a"], "i2": ["a", "b"]}),
    NOW,
)


def ids(items: tuple) -> list[str]:
    return [each.id for each in items]


def test_what_is_held_goes_only_with_its_holder() -> None:
    alone, kept = LOOK.chosen(["i1"])
    together, _ = LOOK.chosen(["i1", "c1"])

    assert (ids(alone), kept[0].reason) == ([], "is used by web")
    assert ids(together) == ["c1", "i1"]
    assert together[1].reason == "goes with web"


def test_rules_and_single_things_are_chosen_at_once() -> None:
    old = Rule(RuleKind.STOPPED_CONTAINERS, Filters(older_than=timedelta(days=9)))

    items, kept = LOOK.chosen(["volume:db"], [Rule(RuleKind.UNTAGGED_IMAGES), old])

    assert ids(items) == ["i2", "volume:db"]
    assert items[0].reason == "no tag names it"
    assert {each.id: each.reason for each in kept} == {
        "c1": "is younger than 9 days",
        "i1": "is used by web",
    }


def test_what_is_chosen_stays_protected_and_what_is_gone_is_nowhere() -> None:
    look = replace(LOOK, subjects=(replace(CONTAINER, is_pinned=True),))

    assert ids(look.chosen(["c1", "x"])[0]) == []
    assert ids(look.chosen(["c1", "x"])[1]) == ["c1"]
