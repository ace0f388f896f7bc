"""
One stream between a page and the agent of a host, with flow control from end to end.

    page    → {"ticket": …}                       once, first
    server  → {"type": "open", "stream"}          the agent was asked
    server  → … batches, numbered from 1 …
    page    → {"ack": seq}                        when it has shown them
    server  → {"type": "end", "reason", "retry"}  the stream is over; the connection closes

Every message to the agent names the stream and the channel that wants its answer; the last
acknowledgement is repeated every `RECHECK_SECONDS`, so that an agent which does not know the stream
(any more) can end it. The agent sends no batch while `WINDOW` are unacknowledged, so a slow page
costs nobody memory. A page that sends what makes no sense is closed with 4400, one without a valid
ticket with 4403; where the person cannot be looked up any more, it is 1013.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard.agents import agent_channel
from dashboard.consumers.identity import (
    BAD_MESSAGE,
    CANNOT_TELL,
    LOOK_FAILED,
    NOT_ALLOWED,
    SIGNED_OUT,
    identify_permitted,
    refuse,
)
from dashboard.consumers.tickets import Grant, StreamAction, redeem_ticket
from dashboard.events import user_group
from dashboard.models import Role
from dashboard.selectors import find_host

if TYPE_CHECKING:
    from dashboard.models import User

WINDOW = 8
MAX_MESSAGE = 1024
TICKET_SECONDS = 10.0
RECHECK_SECONDS = 15.0


class StreamConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Stands between one page and the agent of the container's host, and holds nothing itself."""

    action: ClassVar[StreamAction]
    role: Role
    ticket_seconds = TICKET_SECONDS
    recheck_seconds = RECHECK_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stream = uuid.uuid4().hex
        self.user: User | None = None
        self.grant: Grant | None = None
        self.opened = asyncio.Event()
        self.is_closed = False
        self.sent = 0
        self.acknowledged = 0
        self.watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept people who are signed in; nothing is shown before the ticket came."""
        self.user = await identify_permitted(self.scope, self.role)
        if self.user is None:
            await refuse(self)
        await self.channel_layer.group_add(user_group(self.user.pk), self.channel_name)
        await self.accept()
        self.watch = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        """Tell the agent that nobody reads any more."""
        if self.watch is not None:
            self.watch.cancel()
            with suppress(asyncio.CancelledError):
                await self.watch
        if self.user is not None:
            await self.channel_layer.group_discard(user_group(self.user.pk), self.channel_name)
        await self._tell_agent({"type": "stream.close"})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take the ticket first, acknowledgements and whatever else after it."""
        message = parse_message(text_data)
        if self.grant is not None and bytes_data is not None:
            await self._take_bytes(bytes_data)
        elif message is None or bytes_data is not None:
            await self._close(BAD_MESSAGE)
        elif self.grant is None:
            await self._open(message)
        else:
            await self._take(message)

    async def stream_end(self, message: dict[str, Any]) -> None:
        """Say why there is no more, and close."""
        if self._is_ours(message):
            retry = bool(message.get("retry"))
            await self._end(str(message.get("reason", "")), retry=retry)

    async def account_changed(self, message: dict[str, Any]) -> None:  # noqa: ARG002
        """Look at once whether this person may still read."""
        await self._close_unless_permitted()

    def _opening(self, grant: Grant, message: dict[str, Any]) -> dict[str, Any]:
        """Return what the agent is to open, by the *grant* and the page's first *message*."""
        raise NotImplementedError

    async def _open(self, message: dict[str, Any]) -> None:
        ticket = message.get("ticket")
        if not isinstance(ticket, str) or self.user is None:
            await self._close(BAD_MESSAGE)
            return
        grant = await _redeem(ticket, self.user, self.action)
        if grant is None:
            await self._close(NOT_ALLOWED)
            return
        self.grant = grant
        if grant.role:
            self.role = Role(grant.role)
        self.opened.set()
        await self._tell_agent(
            {"type": "stream.open", "window": WINDOW, **self._opening(grant, message)}
        )
        await self.send(text_data=json.dumps({"type": "open", "stream": self.stream}))

    async def _take(self, message: dict[str, Any]) -> None:
        """Do what the page says; here it can only acknowledge."""
        await self._acknowledge(message)

    async def _take_bytes(self, content: bytes) -> None:  # noqa: ARG002
        """Take bytes from the page; here there is no use for any."""
        await self._close(BAD_MESSAGE)

    def _is_next(self, message: dict[str, Any]) -> bool:
        """Whether *message* is the next batch of this stream; it then counts as sent."""
        number = message.get("seq", 0)
        if self.is_closed or not self._is_ours(message) or number <= self.sent:
            return False
        self.sent = number
        return True

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        number = message.get("ack")
        if not isinstance(number, int) or not 0 < number <= self.sent:
            await self._close(BAD_MESSAGE)
        elif number > self.acknowledged:
            self.acknowledged = number
            await self._tell_agent({"type": "stream.ack", "ack": number})

    def _is_ours(self, message: dict[str, Any]) -> bool:
        return self.grant is not None and message.get("stream") == self.stream

    async def _tell_agent(self, message: dict[str, Any]) -> None:
        if self.grant is not None:
            channel = agent_channel(self.grant.host)
            sender = {"stream": self.stream, "reply": self.channel_name}
            await self.channel_layer.send(channel, {**sender, **message})

    async def _watch(self) -> None:
        try:
            await asyncio.wait_for(self.opened.wait(), self.ticket_seconds)
        except TimeoutError:
            await self._close(NOT_ALLOWED)
        try:
            while not self.is_closed:
                await asyncio.sleep(self.recheck_seconds)
                await self._close_unless_permitted()
                await self._check_agent()
        except LOOK_FAILED:
            # Nobody would look again, so nothing more is shown.
            await self._close(CANNOT_TELL)

    async def _check_agent(self) -> None:
        # An agent that was restarted does not know the stream, and says so when it hears of it.
        await self._tell_agent({"type": "stream.ack", "ack": self.acknowledged})
        if self.grant is not None and not await _is_online(self.grant.host):
            await self._end(f"{self.grant.host} is offline.", retry=True)

    async def _end(self, reason: str, *, retry: bool) -> None:
        if not self.is_closed:
            end = {"type": "end", "reason": reason, "retry": retry}
            await self.send(text_data=json.dumps(end))
            await self._close(None)

    async def _close(self, code: int | None) -> None:
        if not self.is_closed:
            self.is_closed = True
            await self.close(code=code)

    async def _close_unless_permitted(self) -> None:
        if await identify_permitted(self.scope, self.role) is None:
            await self._close(SIGNED_OUT)


def parse_message(text: str | None) -> dict[str, Any] | None:
    """Return what a page said, or None where that is no small JSON object."""
    if text is None or len(text) > MAX_MESSAGE:
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


@database_sync_to_async  # type: ignore[untyped-decorator]
def _is_online(host: str) -> bool:
    found = find_host(host)
    return found is not None and found.is_online


@database_sync_to_async  # type: ignore[untyped-decorator]
def _redeem(ticket: str, user: User, action: StreamAction) -> Grant | None:
    return redeem_ticket(ticket, user=user, action=action)
