"""Taking turns: of what is short, few run at a time, and what hangs is in nobody's way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TURN_SECONDS = 1.0


class Turns:
    """
    Lets *most* in at a time, in the order in which they came.

    One that is in for longer than *turn_seconds* is not counted any more: it waits for something,
    and takes nothing from those who could go on. Belongs to one event loop.
    """

    def __init__(self, most: int, *, turn_seconds: float = TURN_SECONDS) -> None:
        self._room = asyncio.Semaphore(most)
        self._turn_seconds = turn_seconds

    @property
    def is_full(self) -> bool:
        """Whether who comes now has to wait."""
        return self._room.locked()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the block."""
        await self._room.acquire()
        is_over = asyncio.Event()

        def end() -> None:
            if not is_over.is_set():
                is_over.set()
                self._room.release()

        timer = asyncio.get_running_loop().call_later(self._turn_seconds, end)
        try:
            yield
        finally:
            timer.cancel()
            end()
