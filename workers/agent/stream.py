"""One log on its way to one browser."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from engine.errors import EngineError
from workers.agent.window import Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Send = Callable[[str, dict[str, Any]], Awaitable[None]]

C = TypeVar("C")

MOST_TAIL = 10_000
MOST_WINDOW = 64
# A reader that neither reads nor closes is gone; on a quiet log an empty batch asks.
PATIENCE_SECONDS = 60.0
QUIET_SECONDS = 20.0
LOOK_SECONDS = (0.02, 0.05, 0.1, 0.25)
RESEND_SECONDS = 1.0
RESENDS = 30


@dataclass(frozen=True, slots=True)
class Batch(Generic[C]):
    """What was read: *lines*, the place after them, and how many were left out before them."""

    lines: tuple[dict[str, str], ...]
    cursor: C
    skipped: int = 0
    is_end: bool = False


class LogSource(Protocol[C]):
    """Where lines come from. A *cursor* is a place in a log that may be kept for any time."""

    def begin(self, container_id: str, *, tail: int) -> C:
        """Return the place from which the last *tail* lines follow."""

    def read(self, container_id: str, cursor: C) -> Batch[C]:
        """
        Return what follows *cursor*, at most a batch of it, perhaps nothing.

        From a place that is far behind the end, lines are skipped and counted. `is_end` says that
        nothing follows because the container is not there to write it.
        """


@dataclass(frozen=True, slots=True)
class Opening:
    """A request for a stream that makes sense."""

    stream: str
    reply: str
    container_id: str
    tail: int
    window: int

    @classmethod
    def parse(cls, stream: str, message: Mapping[str, Any]) -> Self | None:
        """Return the request in *message*, or None where it is none."""
        reply, container_id = message.get("reply"), message.get("container_id")
        tail, window = message.get("tail", 0), message.get("window", 1)
        if not (stream and isinstance(reply, str) and isinstance(container_id, str)):
            return None
        if not (isinstance(tail, int) and isinstance(window, int)):
            return None
        return cls(
            stream,
            reply,
            container_id,
            min(max(tail, 0), MOST_TAIL),
            min(max(window, 1), MOST_WINDOW),
        )


class Stream:
    """Sends the log that *opening* names, as fast as its reader acknowledges."""

    patience = PATIENCE_SECONDS
    quiet = QUIET_SECONDS
    looks = LOOK_SECONDS
    resend_after = RESEND_SECONDS

    def __init__(self, opening: Opening, source: LogSource[Any], send: Send) -> None:
        self._opening = opening
        self._source = source
        self._send_to = send
        self._window = Window(opening.window)

    def acknowledge(self, number: object) -> None:
        """Take note that the reader has everything up to batch *number*."""
        self._window.acknowledge(number)

    async def run(self) -> None:
        """Send until the log ends, the reader is gone, or this is cancelled."""
        try:
            reason = await self._pump()
        except EngineError as error:
            reason = error.message
        await self.end(reason)

    async def end(self, reason: str) -> None:
        """Tell the reader that there is no more, and why."""
        await self._send({"type": "stream.end", "reason": reason})

    async def _pump(self) -> str:
        container_id = self._opening.container_id
        cursor = await asyncio.to_thread(self._source.begin, container_id, tail=self._opening.tail)
        while True:
            if not await self._window.has_room(self.patience):
                return "The reader did not answer."
            batch = await self._next(cursor)
            if batch.is_end:
                return "The container is not running."
            cursor = batch.cursor
            await self._send_batch(batch)

    async def _next(self, cursor: Any) -> Batch[Any]:
        """Return the next lines as soon as there are some; none after a long quiet."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.quiet
        looks = 0
        while True:
            batch = await asyncio.to_thread(self._source.read, self._opening.container_id, cursor)
            if batch.lines or batch.skipped or batch.is_end or loop.time() >= until:
                return batch
            await asyncio.sleep(self.looks[min(looks, len(self.looks) - 1)])
            looks += 1

    async def _send_batch(self, batch: Batch[Any]) -> None:
        await self._send(
            {
                "type": "stream.lines",
                "seq": self._window.take_number(),
                "lines": list(batch.lines),
                "skipped": batch.skipped,
            }
        )

    async def _send(self, message: dict[str, Any]) -> None:
        # A connection that breaks is no reason to lose lines: a batch that arrives twice is dropped
        # by its number.
        for _ in range(RESENDS):
            try:
                await self._send_to(
                    self._opening.reply, {"stream": self._opening.stream, **message}
                )
                return
            except OSError:
                await asyncio.sleep(self.resend_after)
