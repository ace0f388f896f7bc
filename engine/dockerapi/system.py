"""Routes of the host: is it there, what is it, which version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.answers import json_answer
from engine.dockerapi.routing import Route
from engine.dockerapi.shapes_system import host_information, version_details
from engine.dockerapi.versions import NEWEST

if TYPE_CHECKING:
    from engine.dockerapi.call import Call

PING_HEADERS = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Builder-Version": "1",
    "Swarm": "inactive",
}


async def ping(call: Call) -> web.StreamResponse:
    """Answer `GET` and `HEAD /_ping`: where clients learn which version is spoken."""
    text = "" if call.request.method == "HEAD" else "OK"
    return web.Response(text=text, headers=PING_HEADERS)


async def version(call: Call) -> web.StreamResponse:
    """Answer `GET /version`."""
    return json_answer(await call.pools.quick(version_details, NEWEST))


async def information(call: Call) -> web.StreamResponse:
    """Answer `GET /info`."""
    return json_answer(await call.pools.quick(host_information, call.engine))


ROUTES = (
    Route("GET", "/_ping", ping),
    Route("HEAD", "/_ping", ping),
    Route("GET", "/version", version),
    Route("GET", "/info", information),
)
