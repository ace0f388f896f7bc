"""From a container's record to what a clean-up of stopped containers says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from engine.cleanup.gather import container_subject
from engine.cleanup.rules import FRESH, Rule, RuleKind, judge
from engine.containers.state import ContainerState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Container:
    id: str = "c" * 64
    name: str = "web"
    state: ContainerState = ContainerState.EXITED
    exit_code: int | None = 3
    owner: str = "ana"
    created_at: datetime = NOW - HOUR
    started_at: datetime | None = NOW - HOUR
    finished_at: datetime | None = NOW - HOUR / 2
    restart_count: int = 0
    settings: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(labels={}))


def judged(container: Container):
    subject = container_subject(container, now=NOW, is_pinned=False)
    return judge([Rule(RuleKind.STOPPED_CONTAINERS)], [subject], NOW)


def test_a_stopped_container_goes_and_says_how_it_ended() -> None:
    ((item,), kept) = judged(Container())

    assert (item.id, item.name, item.owner) == ("c" * 64, "web", "ana")
    assert (item.reason, item.since) == ("exited with code 3", NOW - HOUR / 2)
    assert kept == ()


@pytest.mark.parametrize(
    "state", [ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING]
)
def test_a_container_that_lives_stays(state: ContainerState) -> None:
    items, (kept,) = judged(Container(state=state))

    assert items == ()
    assert kept.reason == f"is {state}"


@pytest.mark.parametrize(
    ("age", "goes"),
    [
        pytest.param(FRESH - timedelta(seconds=1), False, id="about-to-start"),
        pytest.param(FRESH, True, id="forgotten"),
    ],
)
def test_a_container_never_started_goes_once_it_is_not_fresh(age: timedelta, goes: bool) -> None:
    made = Container(state=ContainerState.CREATED, created_at=NOW - age, finished_at=None)
    items, kept = judged(made)

    assert (len(items), len(kept)) == ((1, 0) if goes else (0, 1))
    assert [each.reason for each in items] == ["was never started"] * goes
