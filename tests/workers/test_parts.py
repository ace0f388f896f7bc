"""The agent's parts are kept running."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from workers.agent.parts import Keeper, Part, Round, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT = 5.0


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def keep(stop, db) -> Callable[..., Keeper]:
    def start(*runs: Callable[[threading.Event], None]) -> Keeper:
        parts = [Part(f"part {number}", run) for number, run in enumerate(runs)]
        keeper = Keeper(parts, stop=stop, pauses=(0.001,))
        keeper.start()
        return keeper

    return start


def test_a_part_that_fails_is_written_down_and_begun_again(keep, stop, caplog) -> None:
    begun: list[int] = []
    third = threading.Event()

    def fails(stop: threading.Event) -> None:
        begun.append(1)
        if len(begun) < 3:
            raise ConnectionError("Redis is away")
        third.set()
        stop.wait(WAIT)

    with caplog.at_level(logging.ERROR):
        keeper = keep(fails)
        assert third.wait(WAIT)
    stop.set()

    assert keeper.join(WAIT)
    assert caplog.text.count("the agent's part 0 failed") == 2


def test_one_that_fails_takes_no_other_down(keep, stop) -> None:
    working = threading.Event()

    def fails(stop: threading.Event) -> None:
        raise ConnectionError

    def works(stop: threading.Event) -> None:
        working.set()
        stop.wait(WAIT)

    keeper = keep(fails, works)

    assert working.wait(WAIT)
    stop.set()
    assert keeper.join(WAIT)


def test_who_does_not_end_is_told_of(keep, stop) -> None:
    released = threading.Event()
    keeper = keep(lambda stop: released.wait(WAIT) and None)
    stop.set()

    assert not keeper.join(0.01)
    released.set()
    assert keeper.join(WAIT)


def test_rounds_go_each_in_its_own_rhythm(stop, db) -> None:
    done: list[str] = []

    def often() -> None:
        done.append("often")
        if done.count("often") == 5:
            stop.set()

    rounds(Round(3600, lambda: done.append("once")), Round(0.001, often))(stop)

    assert done.count("once") == 1
    assert done[0] == "once"


def test_one_round_that_fails_does_not_keep_the_others_waiting(stop, db) -> None:
    done: list[str] = []

    def fails() -> None:
        raise ConnectionError

    run = rounds(Round(3600, fails), Round(3600, lambda: done.append("done") or stop.set()))
    with pytest.raises(ConnectionError):
        run(stop)
    run(stop)

    assert done == ["done"]


def test_a_round_may_begin_later(stop, db) -> None:
    done: list[str] = []
    run = rounds(
        Round(3600, lambda: done.append("later"), first=3600), Round(3600, lambda: stop.set())
    )

    run(stop)

    assert done == []
