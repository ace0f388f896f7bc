"""The threads in which the engine is called: quick questions never wait behind long work."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from engine.dockerapi.threads import Threads
from engine.dockerapi.turns import Turns
from engine.system.memory import give_memory_back

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

# More threads that work at a time mostly wait for each other to let go of the interpreter.
QUICK = 4
SHORT = 4
LONG = 600


class Pools:
    """
    Two sets of threads.

    *quick* only looks, and takes milliseconds. *long* does whatever changes something, waits, or
    streams; of what is *short* there, few run at a time. Threads that nobody needs any more end.
    """

    def __init__(self) -> None:
        self._quick = Threads(QUICK, "quick")
        self._long = Threads(LONG, "long", at_rest=give_memory_back)
        self._turns = Turns(SHORT)

    async def quick(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *call* returns; it answers at once."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._quick, partial(call, *args, **kwargs))

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Start *call*, which may take long, and return what its outcome will be."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._long, partial(call, *args, **kwargs))

    async def long(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *call* returns; it may take long, and is not stopped if nobody waits."""
        return await self.start(call, *args, **kwargs)

    async def short(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Return what *call* returns; it changes something, and takes well under a second.

        Few run at a time, which takes all of them less; the others wait in order, and no thread
        waits with them. Once asked for it is done, also if nobody waits for it any more.
        """
        return await asyncio.shield(self._in_turn(partial(call, *args, **kwargs)))

    async def _in_turn(self, call: Callable[[], T]) -> T:
        async with self._turns.one():
            return await self.start(call)

    def close(self) -> None:
        """Take no more work; what runs is not waited for."""
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._long.shutdown(wait=False, cancel_futures=True)
