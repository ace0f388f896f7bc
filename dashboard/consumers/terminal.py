"""
`/ws/terminal/`: a program in a container, as `dashboard.consumers.streaming` says.

    server  → bytes                               what it prints; each message counts as a batch
    page    → bytes                               what is typed
    page    → {"rows", "columns"}                 the size of the screen
    page    → {"eof": true}                       nothing more will be typed
    server  → {"type": "took", "bytes"}           so much of what was typed has reached the program

What is typed waits in the page, not here: who sends more than `MOST_AHEAD` bytes before the host
took them is closed with 4408. The ticket names a `Terminal`, which says what is opened; the agent
looks at that row, so a forged message opens nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from dashboard.consumers.identity import BAD_MESSAGE, TOO_SLOW
from dashboard.consumers.streaming import StreamConsumer
from dashboard.consumers.tickets import Grant, StreamAction
from dashboard.permissions import ROLE_FOR_TERMINALS

if TYPE_CHECKING:
    from dashboard.models import Role

MOST_AHEAD = 256 * 1024
MOST_AT_ONCE = 16 * 1024
LARGEST_SCREEN = 1000


class TerminalConsumer(StreamConsumer):
    """Passes on what is typed and what is printed."""

    action: ClassVar[StreamAction] = StreamAction.TERMINAL
    role: Role = ROLE_FOR_TERMINALS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ahead = 0

    def _opening(self, grant: Grant, message: dict[str, Any]) -> dict[str, Any]:
        size = screen_of(message) or {}
        return {"kind": "terminal", "terminal": grant.subject, **size}

    async def stream_output(self, message: dict[str, Any]) -> None:
        """Pass on what the program printed."""
        if self._is_next(message):
            await self.send(bytes_data=message["content"])

    async def stream_took(self, message: dict[str, Any]) -> None:
        """Say how much of what was typed has reached the program."""
        if self._is_ours(message) and not self.is_closed:
            count = int(message["bytes"])
            self.ahead = max(0, self.ahead - count)
            await self.send(text_data=json.dumps({"type": "took", "bytes": count}))

    async def _take(self, message: dict[str, Any]) -> None:
        if "ack" in message:
            await self._acknowledge(message)
        elif message.get("eof") is True:
            await self._tell_agent({"type": "stream.eof"})
        elif size := screen_of(message):
            await self._tell_agent({"type": "stream.resize", **size})
        else:
            await self._close(BAD_MESSAGE)

    async def _take_bytes(self, content: bytes) -> None:
        self.ahead += len(content)
        if len(content) > MOST_AT_ONCE:
            await self._close(BAD_MESSAGE)
        elif self.ahead > MOST_AHEAD:
            await self._close(TOO_SLOW)
        elif content:
            await self._tell_agent({"type": "stream.input", "content": content})


def screen_of(message: dict[str, Any]) -> dict[str, int] | None:
    """Return the size of the screen in *message*, or None where there is none that makes sense."""
    size = {name: message.get(name) for name in ("rows", "columns")}
    if all(isinstance(value, int) and 0 < value <= LARGEST_SCREEN for value in size.values()):
        return {name: int(value) for name, value in size.items() if value is not None}
    return None
