"""Routes of what a dockerd offers and this host does not: refused in words that clients know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerapi.answers import json_answer
from engine.dockerapi.refusals import Refusal, not_implemented
from engine.dockerapi.routing import Route

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call

NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)


async def later(call: Call) -> web.StreamResponse:
    """Refuse what is not built yet."""
    raise not_implemented(f"{call.request.method} {call.request.path}")


async def no_manager(call: Call) -> web.StreamResponse:
    """Refuse what only the manager of a swarm does."""
    del call
    raise Refusal(503, NO_MANAGER)


async def plugins(call: Call) -> web.StreamResponse:
    """Answer `GET /plugins`: there are none."""
    del call
    return json_answer([])


_LATER = (
    ("POST", "/build"),
    ("POST", "/auth"),
    ("POST", "/commit"),
    ("GET", "/volumes"),
    ("GET", "/networks"),
)
ROUTES = (
    Route("GET", "/plugins", plugins),
    *(Route(method, path, later) for method, path in _LATER),
)
