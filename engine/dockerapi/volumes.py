"""Routes of volumes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer, nothing
from engine.dockerapi.events import tell_prune
from engine.dockerapi.fields import Fields
from engine.dockerapi.query import until_of
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.versions import ApiVersion
from engine.dockerapi.words import go_time
from engine.volumes.settings import VolumeSettings

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.query import Filters
    from engine.engine import Engine
    from engine.volumes.record import VolumeRecord

KNOWN = ("dangling", "driver", "label", "name")
NAMED_STAY = ApiVersion(1, 42)
"""From this version on, a prune takes volumes that nobody named, unless it is told `all`."""


async def list_volumes(call: Call) -> web.StreamResponse:
    """Answer `GET /volumes`."""
    filters = call.query.filters(*KNOWN)
    dangling = filters.flag("dangling")

    def look() -> dict[str, Any]:
        volumes = call.engine.volumes
        found = [
            volume_details(each)
            for each in volumes.list()
            if _matches(each, filters)
            and dangling in {None, dangling is not None and not volumes.holders(each.name)}
        ]
        return {"Volumes": found, "Warnings": None}

    return json_answer(await call.pools.quick(look))


def _matches(volume: VolumeRecord, filters: Filters) -> bool:
    names = filters.get("name")
    return (
        filters.matches("driver", volume.driver)
        and filters.matches_labels(volume.labels)
        and (not names or any(re.search(re.escape(each), volume.name) for each in names))
    )


def volume_details(volume: VolumeRecord, *, usage: dict[str, int] | None = None) -> dict[str, Any]:
    """Return *volume* as docker tells of it; *usage* only where it was measured."""
    shape: dict[str, Any] = {
        "CreatedAt": go_time(volume.created_at.replace(microsecond=0)),
        "Driver": volume.driver,
        "Labels": dict(volume.labels) or None,
        "Mountpoint": str(volume.mountpoint),
        "Name": volume.name,
        "Options": dict(volume.options) or None,
        "Scope": "local",
    }
    return shape | ({"UsageData": usage} if usage is not None else {})


def usage_of(engine: Engine, volume: VolumeRecord) -> dict[str, int]:
    """Return what *volume* takes, and how many containers have it."""
    holders = len(engine.volumes.holders(volume.name))
    return {"RefCount": holders, "Size": engine.volumes.size(volume.name)}


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /volumes/create`."""
    body = Fields(await call.json())
    name, driver = body.text("Name"), body.text("Driver") or "local"
    if driver != "local":
        words = f'create {name}: error looking up volume plugin {driver}: plugin "{driver}"'
        raise Refusal(404, f"{words} not found")
    settings = VolumeSettings(
        name=name,
        driver=driver,
        options=body.mapping("DriverOpts"),
        labels=body.mapping("Labels"),
    )
    volume = await call.pools.long(call.engine.volumes.create, settings, owner=call.owner)
    return json_answer(volume_details(volume), status=201)


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /volumes/{name}`."""
    return json_answer(
        volume_details(await call.pools.quick(call.engine.volumes.get, call["name"]))
    )


async def remove(call: Call) -> web.StreamResponse:
    """Answer `DELETE /volumes/{name}`."""
    force = call.query.flag("force")
    await call.pools.long(call.engine.volumes.remove, call["name"], force=force)
    return nothing()


async def prune(call: Call) -> web.StreamResponse:
    """Answer `POST /volumes/prune`."""
    filters = call.query.filters("all", "label", "label!", "until")
    removed = await call.pools.long(
        call.engine.volumes.prune,
        include_named=bool(filters.flag("all")) or call.version < NAMED_STAY,
        until=until_of(filters),
        labels=filters.get("label"),
        without_labels=filters.get("label!"),
    )
    await tell_prune(call, "volume", sum(removed.values()))
    return json_answer({"VolumesDeleted": list(removed), "SpaceReclaimed": sum(removed.values())})


ROUTES = (
    Route("GET", "/volumes", list_volumes),
    Route("POST", "/volumes/create", create),
    Route("POST", "/volumes/prune", prune),
    Route("GET", "/volumes/{name}", inspect),
    Route("DELETE", "/volumes/{name}", remove),
)
