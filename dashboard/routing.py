"""Which consumer answers which websocket address."""

from __future__ import annotations

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.urls import path

from dashboard.consumers.live import LiveConsumer
from dashboard.consumers.logs import LogsConsumer
from dashboard.consumers.origin import OwnOriginOnly

routes = [
    path("ws/live/", LiveConsumer.as_asgi()),
    path("ws/logs/", LogsConsumer.as_asgi()),
]

# The consumers look the account up themselves, again and again; they only need the session's key.
websocket_application = OwnOriginOnly(CookieMiddleware(SessionMiddleware(URLRouter(routes))))
