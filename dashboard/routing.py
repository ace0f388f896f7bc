"""Which consumer answers which websocket address."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.urls import path, re_path

from dashboard.consumers.live import LiveConsumer
from dashboard.consumers.logs import LogsConsumer
from dashboard.consumers.origin import OwnOriginOnly
from dashboard.consumers.terminal import TerminalConsumer


async def refuse_unknown(_scope: Any, _receive: Any, send: Any) -> None:
    """Deny a connection to an address that is none."""
    await send({"type": "websocket.close"})


routes = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/logs/", LogsConsumer.as_asgi()),
    path("ws/terminal/", TerminalConsumer.as_asgi()),
    re_path("", refuse_unknown),  # type: ignore[arg-type]
]

# The consumers look the account up themselves, again and again; they only need the session's key.
websocket_application = OwnOriginOnly(CookieMiddleware(SessionMiddleware(URLRouter(routes))))
