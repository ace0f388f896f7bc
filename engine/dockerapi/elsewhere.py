"""Routes of what a dockerd offers and this host does not: refused in words that clients know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerapi.answers import json_answer
from engine.dockerapi.refusals import NO_MANAGER, Refusal
from engine.dockerapi.routing import Route

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call

NO_SWARM = "This node is not part of a swarm"
SWARM = ("swarm", "nodes", "services", "tasks", "secrets", "configs", "session")
METHODS = ("GET", "POST", "DELETE")


async def no_manager(call: Call) -> web.StreamResponse:
    """Refuse what only the manager of a swarm does."""
    del call
    raise Refusal(503, NO_MANAGER)


async def no_swarm(call: Call) -> web.StreamResponse:
    """Refuse to leave a swarm."""
    del call
    raise Refusal(503, NO_SWARM)


async def list_plugins(call: Call) -> web.StreamResponse:
    """Answer `GET /plugins`: there are none."""
    del call
    return json_answer([])


async def no_plugin(call: Call) -> web.StreamResponse:
    """Refuse what is asked of one plugin."""
    raise Refusal(404, f'plugin "{call["rest"].partition("/")[0][:200]}" not found')


ROUTES = (
    Route("POST", "/swarm/leave", no_swarm),
    *(Route(method, f"/{noun}", no_manager) for noun in SWARM for method in METHODS),
    *(Route(method, f"/{noun}/{{rest:path}}", no_manager) for noun in SWARM for method in METHODS),
    Route("GET", "/plugins", list_plugins),
    *(Route(method, "/plugins/{rest:path}", no_plugin) for method in METHODS),
)
