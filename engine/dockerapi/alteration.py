"""Routes that change what a container is: its name, its limits, whether it stands still; prune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.containers.filters import PruneFilter
from engine.containers.state import ContainerState
from engine.dockerapi.answers import json_answer, nothing
from engine.dockerapi.create_body import resources_of, restart_of
from engine.dockerapi.events import tell_prune
from engine.dockerapi.fields import Fields
from engine.dockerapi.query import until_of
from engine.dockerapi.refusals import Refusal, refusal_of
from engine.dockerapi.routing import Route
from engine.errors import InvalidSetting, NameTaken, WrongState
from engine.settings import ResourceUpdate

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call


async def rename(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/rename`."""
    name = call.query.text("name").removeprefix("/")
    if not name:
        raise Refusal(400, "Neither old nor new names may be empty")
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    if record.name == name:
        raise Refusal(
            400,
            "Renaming a container with the same name as its current name",
        )
    try:
        await call.pools.long(call.engine.containers.rename, record.id, name)
    except (InvalidSetting, NameTaken) as error:
        refusal = refusal_of(error)
        shown = refusal.message.replace(f"({name}", f"(/{name}")
        words = f"Error when allocating new name: {shown}"
        raise Refusal(refusal.status, words) from error
    return nothing()


async def update(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/update`; what is 0 or empty stays as it is."""
    body = Fields(await call.json(is_needed=True))
    changes: dict[str, Any] = {key: value for key, value in resources_of(body).items() if value}
    policy = body.optional_child("RestartPolicy")
    if policy is not None and policy.text("Name"):
        changes["restart"] = restart_of(policy)
    containers = call.engine.containers
    record = await call.pools.long(containers.update, call["id"], ResourceUpdate(**changes))
    return json_answer({"Warnings": list(containers.warnings(record.settings)) or None})


async def pause(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/pause`."""
    try:
        await call.pools.long(call.engine.containers.pause, call["id"])
    except WrongState as error:
        record = await call.pools.quick(call.engine.containers.get, call["id"])
        is_paused = record.state is ContainerState.PAUSED
        state = "already paused" if is_paused else "not running"
        raise Refusal(409, f"Container {record.id} is {state}") from error
    return nothing()


async def unpause(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/unpause`."""
    try:
        await call.pools.long(call.engine.containers.unpause, call["id"])
    except WrongState as error:
        record = await call.pools.quick(call.engine.containers.get, call["id"])
        raise Refusal(409, f"Container {record.id} is not paused") from error
    return nothing()


async def prune(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/prune`."""
    filters = call.query.filters("until", "label", "label!")
    chosen = PruneFilter(until_of(filters), filters.get("label"), filters.get("label!"))
    pruned = await call.pools.long(call.engine.containers.prune, filters=chosen)
    await tell_prune(call, "container", pruned.freed)
    return json_answer(
        {"ContainersDeleted": list(pruned.removed) or None, "SpaceReclaimed": pruned.freed}
    )


ROUTES = (
    Route("POST", "/containers/prune", prune),
    Route("POST", "/containers/{id}/rename", rename),
    Route("POST", "/containers/{id}/update", update),
    Route("POST", "/containers/{id}/pause", pause),
    Route("POST", "/containers/{id}/unpause", unpause),
)
