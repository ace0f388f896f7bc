"""
One conversation with a program in a container, on its way to and from one browser.

Output goes out in numbered batches, at most a window of them unacknowledged: a slow reader makes
the program wait, as a real terminal would. Input that the program does not take yet is held here
within a bound; the page is told how much was taken and sends no more before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from engine.errors import EngineError
from workers.agent.window import Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Send = Callable[[str, dict[str, Any]], Awaitable[None]]

MOST_WINDOW = 64
MOST_HELD = 512 * 1024
BATCH_BYTES = 32 * 1024
READ_SECONDS = 0.5
PATIENCE_SECONDS = 120.0


class Conversation(Protocol):
    """What is spoken to. `read` and `write` may block and are called from threads."""

    def read(self, timeout: float) -> bytes | None:
        """Return what was printed, empty after *timeout* seconds of silence, None at the end."""

    def write(self, content: bytes) -> None:
        """Give *content* to the program; returns when it was taken."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell the program how large the screen is."""

    def end_input(self) -> None:
        """Tell the program that nothing more is typed."""

    def close(self) -> str:
        """End the conversation; return in words how the program ended, if it did."""


class TerminalSource(Protocol):
    """Where conversations come from."""

    def open(self, terminal_id: str, *, rows: int, columns: int) -> Conversation:
        """Begin what the row *terminal_id* asks for, once; raise `EngineError` where it may not."""


@dataclass(frozen=True, slots=True)
class TerminalOpening:
    """A request for a terminal that makes sense."""

    stream: str
    reply: str
    terminal_id: str
    window: int
    rows: int
    columns: int

    @classmethod
    def parse(cls, stream: str, message: Mapping[str, Any]) -> Self | None:
        """Return the request in *message*, or None where it is none."""
        reply, terminal_id = message.get("reply"), message.get("terminal")
        if not (stream and isinstance(reply, str) and isinstance(terminal_id, str)):
            return None
        window, rows, columns = (_number(message, name) for name in ("window", "rows", "columns"))
        return cls(
            stream, reply, terminal_id, min(max(window, 1), MOST_WINDOW), rows or 24, columns or 80
        )


class TerminalStream:
    """Carries what *opening* asks for, until the program ends or the reader is gone."""

    patience = PATIENCE_SECONDS

    def __init__(self, opening: TerminalOpening, source: TerminalSource, send: Send) -> None:
        self._opening = opening
        self._source = source
        self._send_to = send
        self._window = Window(opening.window)
        self._typed: deque[Callable[[Conversation], int]] = deque()
        self._held = 0
        self._has_typed = asyncio.Event()

    def acknowledge(self, number: object) -> None:
        """Take note that the reader has everything up to batch *number*."""
        self._window.acknowledge(number)

    def take(self, message: Mapping[str, Any]) -> None:
        """Take what was typed, a new size of the screen, or the end of input, in order."""
        kind, content = message.get("type"), message.get("content")
        if kind == "stream.input" and isinstance(content, bytes):
            # The page knows this bound; who passes it loses what it sent.
            if self._held + len(content) <= MOST_HELD:
                self._held += len(content)
                self._queue(lambda to: _write(to, content))
        elif kind == "stream.resize":
            rows, columns = _number(message, "rows"), _number(message, "columns")
            if rows and columns:
                self._queue(lambda to: _resize(to, rows, columns))
        elif kind == "stream.eof":
            self._queue(_end_input)

    async def run(self) -> None:
        """Carry both ways until the end, and say why it ended."""
        size = {"rows": self._opening.rows, "columns": self._opening.columns}
        try:
            conversation = await asyncio.to_thread(
                self._source.open, self._opening.terminal_id, **size
            )
        except EngineError as error:
            await self.end(f"{error.message}. {error.remedy}".strip(" ."))
            return
        typing = asyncio.create_task(self._pass_input(conversation))
        try:
            reason = await self._pass_output(conversation)
        finally:
            typing.cancel()
            with suppress(asyncio.CancelledError):
                await typing
            ending = await asyncio.shield(asyncio.to_thread(conversation.close))
        await self.end(reason or ending)

    async def end(self, reason: str) -> None:
        """Tell the reader that there is no more, and why."""
        await self._send({"type": "stream.end", "reason": reason})

    async def _pass_output(self, conversation: Conversation) -> str:
        while True:
            if not await self._window.has_room(self.patience):
                return "The page did not answer."
            content = await asyncio.to_thread(conversation.read, READ_SECONDS)
            if content is None:
                return ""
            for begin in range(0, len(content), BATCH_BYTES):
                piece = content[begin : begin + BATCH_BYTES]
                number = self._window.take_number()
                await self._send({"type": "stream.output", "seq": number, "content": piece})

    async def _pass_input(self, conversation: Conversation) -> None:
        while True:
            await self._has_typed.wait()
            while self._typed:
                try:
                    count = await asyncio.to_thread(self._typed.popleft(), conversation)
                except (EngineError, OSError):
                    # Whoever listened is gone; that is told by the end of the output.
                    return
                if count:
                    self._held -= count
                    await self._send({"type": "stream.took", "bytes": count})
            self._has_typed.clear()

    def _queue(self, act: Callable[[Conversation], int]) -> None:
        self._typed.append(act)
        self._has_typed.set()

    async def _send(self, message: dict[str, Any]) -> None:
        with suppress(OSError):
            await self._send_to(self._opening.reply, {"stream": self._opening.stream, **message})


def _write(to: Conversation, content: bytes) -> int:
    to.write(content)
    return len(content)


def _resize(to: Conversation, rows: int, columns: int) -> int:
    to.resize(rows, columns)
    return 0


def _end_input(to: Conversation) -> int:
    to.end_input()
    return 0


def _number(message: Mapping[str, Any], name: str) -> int:
    value = message.get(name)
    return value if isinstance(value, int) and 0 < value <= 1000 else 0
