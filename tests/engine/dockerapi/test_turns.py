"""Taking turns: few at a time, in order, and never behind one that hangs."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.dockerapi.pools import SHORT, Pools
from engine.dockerapi.turns import Turns

SECONDS = 20.0
LONG = 3600.0


async def test_few_are_in_at_a_time_and_the_others_come_in_order():
    turns, inside, most, came = Turns(2, turn_seconds=LONG), set(), 0, []

    async def take(number: int) -> None:
        nonlocal most
        async with turns.one():
            inside.add(number)
            came.append(number)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.remove(number)

    await asyncio.gather(*map(take, range(20)))

    assert most == 2
    assert came == list(range(20))


async def test_one_that_hangs_is_not_counted_and_its_end_lets_no_more_in():
    turns = Turns(1, turn_seconds=0.01)
    hangs, goes_on = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with turns.one():
            hangs.set()
            await goes_on.wait()

    hanging = asyncio.create_task(hang())
    await hangs.wait()
    async with asyncio.timeout(SECONDS), turns.one():
        goes_on.set()
        await hanging
        # Its turn was over long ago: there is one in, and room for nobody.
        assert turns.is_full


async def test_a_failure_ends_a_turn():
    turns = Turns(1, turn_seconds=LONG)
    with pytest.raises(ZeroDivisionError):
        async with turns.one():
            raise ZeroDivisionError
    assert not turns.is_full


async def test_who_gives_up_waiting_takes_no_turn():
    turns = Turns(1, turn_seconds=LONG)
    async with turns.one():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), turns.one():
                raise AssertionError
    assert not turns.is_full


async def test_what_was_asked_for_is_done_when_nobody_waits_any_more():
    pools, go, done = Pools(), threading.Event(), threading.Event()
    blocking = [asyncio.ensure_future(pools.short(go.wait, SECONDS)) for _ in range(SHORT)]
    waiting = asyncio.ensure_future(pools.short(done.set))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not done.is_set()
    go.set()

    assert await asyncio.gather(*blocking) == [True] * SHORT
    async with asyncio.timeout(SECONDS):
        assert await pools.long(done.wait, SECONDS)
    pools.close()
