"""The web process: pages over HTTP, live updates and streams over websockets."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

# First: this loads the applications that the routing stands on.
pages = get_asgi_application()

from dashboard.bodies import LimitedBodies  # noqa: E402
from dashboard.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter({"http": LimitedBodies(pages), "websocket": websocket_application})
