"""Routes of networks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer, nothing
from engine.dockerapi.events import tell_prune
from engine.dockerapi.fields import Fields
from engine.dockerapi.port_options import endpoint_of
from engine.dockerapi.query import until_of
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.shapes_networks import network_details, network_settings_of
from engine.dockerapi.versions import ApiVersion
from engine.errors import NetworkNotFound, NotConnected
from engine.networks.record import PREDEFINED

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.query import Filters
    from engine.engine import Engine
    from engine.networks.record import NetworkRecord

KNOWN = ("dangling", "driver", "id", "label", "name", "scope", "type")
# Old clients find in a list what newer ones ask for one by one.
WITHOUT_CONTAINERS = ApiVersion(1, 28)
TYPES = frozenset({"custom", "builtin"})


async def list_networks(call: Call) -> web.StreamResponse:
    """Answer `GET /networks`."""
    filters = call.query.filters(*KNOWN)
    dangling = filters.flag("dangling")
    with_containers = call.version < WITHOUT_CONTAINERS
    endpoints_in = call.engine.networks.endpoints_in
    if set(filters.get("type")) - TYPES:
        raise Refusal(400, f"invalid filter: 'type'='{filters.get('type')[0][:60]}'")

    def look() -> list[dict[str, Any]]:
        used = {
            endpoint.network
            for container in (call.engine.containers.list() if dangling is not None else ())
            for endpoint in call.engine.networks.endpoints(container.id)
        }
        return [
            network_details(each, endpoints_in(each.id) if with_containers else ())
            for each in call.engine.networks.list()
            if _matches(each, filters)
            and (dangling is None or dangling is (each.name not in used and not each.is_predefined))
        ]

    return json_answer(await call.pools.quick(look))


def _matches(network: NetworkRecord, filters: Filters) -> bool:
    kind = "builtin" if network.is_predefined else "custom"
    return (
        filters.matches("driver", network.driver)
        and filters.matches("scope", "local")
        and filters.matches("type", kind)
        and filters.matches_labels(network.settings.labels)
        and _contains(filters.get("name"), network.name)
        and _contains(filters.get("id"), network.id)
    )


def _contains(wanted: tuple[str, ...], value: str) -> bool:
    return not wanted or any(re.search(re.escape(each), value) for each in wanted)


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /networks/create`."""
    settings = network_settings_of(Fields(await call.json(is_needed=True)))
    # `--network default` means the default bridge, so nobody could ever stand in one of that name.
    if settings.name in {*PREDEFINED, "default"}:
        raise Refusal(403, f"operation is not permitted on predefined {settings.name} network")
    network = await call.pools.long(call.engine.networks.create, settings, owner=call.owner)
    return json_answer({"Id": network.id, "Warning": ""}, status=201)


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /networks/{id}`."""

    def look() -> dict[str, Any]:
        network = call.engine.networks.get(call["id"])
        return network_details(network, call.engine.networks.endpoints_in(network.id))

    return json_answer(await call.pools.quick(look))


async def remove(call: Call) -> web.StreamResponse:
    """Answer `DELETE /networks/{id}`."""
    await call.pools.long(call.engine.networks.remove, call["id"])
    return nothing()


async def connect(call: Call) -> web.StreamResponse:
    """Answer `POST /networks/{id}/connect`."""
    body = Fields(await call.json(is_needed=True))
    name, wanted = body.text("Container"), body.child("EndpointConfig")

    def work() -> None:
        container = call.engine.containers.get(name)
        network = call.engine.networks.get(call["id"])
        call.engine.networks.connect(network.id, container.id, endpoint_of(network.name, wanted))

    await call.pools.long(work)
    return nothing(status=200)


async def disconnect(call: Call) -> web.StreamResponse:
    """Answer `POST /networks/{id}/disconnect`."""
    body = Fields(await call.json(is_needed=True))
    name, has_force = body.text("Container"), body.flag("Force")
    await call.pools.long(_disconnect, call.engine, call["id"], name, has_force=has_force)
    return nothing(status=200)


def _disconnect(engine: Engine, network: str, name: str, *, has_force: bool) -> None:
    """Take a container out of *network*; what docker refuses is told in its words."""
    if has_force and engine.containers.find(name) is None:
        engine.networks.get(network)
        raise Refusal(404, f"endpoint {name} not found")
    container = engine.containers.get(name)
    try:
        engine.networks.disconnect(network, container.id)
    except (NotConnected, NetworkNotFound) as error:
        is_unknown = isinstance(error, NetworkNotFound)
        if is_unknown and container.is_running and not has_force:
            raise
        article = "the " if is_unknown or not container.is_running else ""
        words = f"container {container.id} is not connected to {article}network {network}"
        raise Refusal(404, words) from error


async def prune(call: Call) -> web.StreamResponse:
    """Answer `POST /networks/prune`."""
    filters = call.query.filters("until", "label", "label!")
    removed = await call.pools.long(
        call.engine.networks.prune,
        until=until_of(filters),
        labels=filters.get("label"),
        without_labels=filters.get("label!"),
    )
    await tell_prune(call, "network", 0)
    return json_answer({"NetworksDeleted": list(removed) or None})


ROUTES = (
    Route("GET", "/networks", list_networks),
    Route("GET", "/networks/", list_networks),
    Route("POST", "/networks/create", create),
    Route("POST", "/networks/prune", prune),
    Route("GET", "/networks/{id}", inspect),
    Route("DELETE", "/networks/{id}", remove),
    Route("POST", "/networks/{id}/connect", connect),
    Route("POST", "/networks/{id}/disconnect", disconnect),
)
