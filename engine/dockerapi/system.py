"""Routes of the host: is it there, what is it, which version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.answers import json_answer
from engine.dockerapi.disk import KINDS, usage_details
from engine.dockerapi.refusals import Refusal
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


async def disk_usage(call: Call) -> web.StreamResponse:
    """Answer `GET /system/df`: what takes the disk, all of it or the kinds in `type`."""
    kinds = call.query.texts("type")
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise Refusal(400, f"unknown object type: {unknown[0][:60]}")
    return json_answer(await call.pools.long(usage_details, call.engine, call.version, kinds))


ROUTES = (
    Route("GET", "/_ping", ping),
    Route("HEAD", "/_ping", ping),
    Route("GET", "/version", version),
    Route("GET", "/info", information),
    Route("GET", "/system/df", disk_usage),
)
