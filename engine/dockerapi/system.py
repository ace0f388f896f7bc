"""Routes of the host: is it there, what is it, which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.dockerapi.answers import json_answer
from engine.dockerapi.disk import KINDS, usage_details
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.shapes_system import host_information, version_details
from engine.dockerapi.versions import NEWEST, ApiVersion

if TYPE_CHECKING:
    from engine.dockerapi.call import Call

WITH_OPTIONS = ApiVersion(1, 25)
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
    found = await call.pools.quick(host_information, call.engine)
    return json_answer(found if call.version >= WITH_OPTIONS else _as_of_old(found))


def _as_of_old(found: dict[str, Any]) -> dict[str, Any]:
    """Return what clients before `WITH_OPTIONS` understand: of the security, names alone."""
    words = [each.partition(",")[0].removeprefix("name=") for each in found["SecurityOptions"]]
    return {**found, "SecurityOptions": words, "ExecutionDriver": "<not supported>"}


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
