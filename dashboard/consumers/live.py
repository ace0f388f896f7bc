"""`/ws/live/`: everything that changes, to everyone who may see it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard.consumers.identity import (
    CANNOT_TELL,
    LOOK_FAILED,
    SIGNED_OUT,
    identify_permitted,
    refuse,
)
from dashboard.events import JOBS_GROUP, TEAM_GROUP, host_group, user_group
from dashboard.models import Host
from dashboard.permissions import ROLE_TO_SEE

RECHECK_SECONDS = 15.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """
    Pushes events as `dashboard.events` wrote them out; what a page says is not listened to.

    Who is logged out is refused at the door with 403. Afterwards the session, the account and the
    role are looked up again every `RECHECK_SECONDS`, and at once when an admin changes the account:
    who may not see any more gets no further event and the connection closes with 4401.
    """

    recheck_seconds = RECHECK_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.joined: set[str] = set()
        self.watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept people who may see, and join the groups of all that there is to see."""
        user = await identify_permitted(self.scope, ROLE_TO_SEE)
        if user is None:
            await refuse(self)
        for group in (JOBS_GROUP, TEAM_GROUP, user_group(user.pk), *await _host_groups()):
            await self._join(group)
        await self.accept()
        self.watch = asyncio.create_task(self._recheck_for_ever())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        """Leave all groups."""
        if self.watch is not None:
            self.watch.cancel()
            with suppress(asyncio.CancelledError):
                await self.watch
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore what the page says; there is nothing to ask for here."""

    async def live_push(self, message: dict[str, Any]) -> None:
        """Pass an event on, and watch a host that is new."""
        await self.send(text_data=message["text"])
        if message["text"].startswith('{"type": "host"'):
            await self._join(host_group(json.loads(message["text"])["host"]))

    async def account_changed(self, message: dict[str, Any]) -> None:  # noqa: ARG002
        """Look at once whether this person may still see."""
        await self._close_unless_permitted()

    async def _join(self, group: str) -> None:
        if group not in self.joined:
            self.joined.add(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def _recheck_for_ever(self) -> None:
        try:
            while True:
                await asyncio.sleep(self.recheck_seconds)
                # Memberships expire in the channel layer; joining again is what keeps them.
                for group in tuple(self.joined):
                    await self.channel_layer.group_add(group, self.channel_name)
                if await identify_permitted(self.scope, ROLE_TO_SEE) is None:
                    await self.close(code=SIGNED_OUT)
                    return
        except LOOK_FAILED:
            # Nobody would look again, so nothing more is shown.
            await self.close(code=CANNOT_TELL)

    async def _close_unless_permitted(self) -> None:
        if await identify_permitted(self.scope, ROLE_TO_SEE) is None:
            await self.close(code=SIGNED_OUT)


@database_sync_to_async  # type: ignore[untyped-decorator]
def _host_groups() -> list[str]:
    return [host_group(name) for name in Host.objects.values_list("name", flat=True)]
