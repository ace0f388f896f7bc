"""How long plans are kept, and how many."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.cleanup.plan import SealedPlan
from engine.cleanup.plan_store import MOST, REMEMBERED, SCHEMA, PlanStore
from engine.errors import PlanNotFound
from engine.system.database import Database
from tests.support.world import TurnedClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def plans(tmp_path: Path, clock: TurnedClock) -> Iterator[PlanStore]:
    database = Database(tmp_path / "records", [SCHEMA])
    yield PlanStore(database, clock)
    database.close()


def save(plans: PlanStore, clock: TurnedClock, name: str) -> None:
    now = clock.now()
    plans.save(SealedPlan(name, (), (), 0, 0, now, "ana", now + HOUR))


def test_a_plan_is_known_for_a_while_after_it_expired(plans: PlanStore, clock: TurnedClock) -> None:
    save(plans, clock, "first")
    clock.time += REMEMBERED
    save(plans, clock, "second")
    assert plans.get("first").made_by == "ana"

    clock.time += 2 * HOUR
    save(plans, clock, "third")

    with pytest.raises(PlanNotFound):
        plans.get("first")


def test_where_there_are_many_only_those_are_kept_that_can_be_carried_out(
    plans: PlanStore, clock: TurnedClock
) -> None:
    for number in range(MOST):
        save(plans, clock, f"old-{number}")
    clock.time += 2 * HOUR
    save(plans, clock, "new")

    with pytest.raises(PlanNotFound):
        plans.get("old-0")
    assert plans.get("new").id == "new"
