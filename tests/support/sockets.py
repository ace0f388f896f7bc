"""Opening a websocket as a signed-in browser does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from dashboard.routing import websocket_application

if TYPE_CHECKING:
    from dashboard.models import User

HOST = "127.0.0.1:8080"


class Socket(WebsocketCommunicator):
    """A browser's websocket: a page of ours at `HOST`, with a session's cookie."""

    def __init__(
        self,
        path: str,
        *,
        session: str = "",
        origin: str | None = f"http://{HOST}",
        host: str = HOST,
    ) -> None:
        headers = [(b"host", HOST.encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        super().__init__(websocket_application, path, headers)

    async def is_open(self) -> bool:
        """Connect and return whether the server accepted; a refusal leaves nothing behind."""
        accepted, _ = await self.connect()
        if not accepted:
            # Servers report no disconnect after a refusal, so nothing may wait for one.
            await asyncio.wait_for(asyncio.shield(self.future), 1)
        return accepted

    async def say(self, message: dict[str, Any]) -> None:
        """Send *message*."""
        await self.send_to(text_data=json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        return json.loads(await self.receive_from())

    async def close_code(self) -> int:
        """Return the code with which the server closes next."""
        output = await self.receive_output()
        assert output["type"] == "websocket.close", output
        return output.get("code", 1000)


@database_sync_to_async
def sign_in(user: User) -> str:
    """Return the key of a new session of *user*."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
