"""Networks as docker's JSON, and what is asked for as settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dockerapi.refusals import NO_MANAGER, Refusal
from engine.dockerapi.words import go_time
from engine.networks.record import BRIDGE
from engine.networks.settings import (
    DRIVERS,
    IPAM,
    OPTION_BRIDGE,
    OPTION_HOST_IP,
    OPTION_ICC,
    OPTION_MASQUERADE,
    OPTION_MTU,
    IpamPool,
    NetworkSettings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.dockerapi.fields import Fields
    from engine.networks.record import EndpointRecord, NetworkRecord, Subnet

UNSUPPORTED = ("Ingress", "ConfigOnly")
# The driver of networks that a swarm's hosts share.
OVERLAY = "overlay"


def network_settings_of(body: Fields) -> NetworkSettings:
    """Return the settings that the *body* of `POST /networks/create` asks for."""
    for option in UNSUPPORTED:
        if body.flag(option):
            raise Refusal(400, f"{option} networks exist in a swarm only, and this is none")
    _refuse_elsewhere(body)
    ipam = body.child("IPAM")
    pools = tuple(_pool(each) for each in ipam.children("Config"))
    if len({each.is_ipv6 for each in pools}) < len(pools):
        # The second would give no container an address.
        raise Refusal(400, "bridge driver doesn't support multiple subnets")
    return NetworkSettings(
        name=body.text("Name"),
        driver=body.text("Driver") or "bridge",
        internal=body.flag("Internal"),
        attachable=body.flag("Attachable"),
        enable_ipv6=body.flag("EnableIPv6"),
        ipam_driver=ipam.text("Driver") or IPAM,
        ipam=pools,
        ipam_options=None if ipam.value("Options") is None else ipam.mapping("Options"),
        options=body.mapping("Options"),
        labels=body.mapping("Labels"),
    )


def _refuse_elsewhere(body: Fields) -> None:
    """Raise `Refusal` for what only a swarm has, and for plugins and templates: none is here."""
    if body.text("Driver") == OVERLAY:
        raise Refusal(403, NO_MANAGER)
    if body.text("Scope") not in {"", "local"}:
        raise Refusal(403, "cannot create a swarm scoped network when swarm is not active")
    wanted = (body.text("Driver"), DRIVERS), (body.child("IPAM").text("Driver"), {IPAM})
    for driver, known in wanted:
        if driver and driver not in known:
            raise Refusal(404, f'plugin "{driver[:80]}" not found')
    template = body.child("ConfigFrom").text("Network")
    if template:
        raise Refusal(404, f'configuration network "{template[:80]}" does not exist')


def _pool(config: Fields) -> IpamPool:
    subnet = config.text("Subnet")
    if subnet and "/" not in subnet:
        # A subnet of one address, which nobody means.
        raise Refusal(400, f"Invalid subnet {subnet[:80]} : invalid CIDR address: {subnet[:80]}")
    return IpamPool(
        subnet=subnet,
        ip_range=config.text("IPRange"),
        gateway=config.text("Gateway"),
        aux_addresses=config.mapping("AuxiliaryAddresses"),
    )


def network_details(network: NetworkRecord, endpoints: Iterable[EndpointRecord]) -> dict[str, Any]:
    """Return *network* as docker tells of it, with the containers that run in it."""
    settings = network.settings
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": go_time(network.created_at),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv6": settings.enable_ipv6,
        "IPAM": {
            "Driver": settings.ipam_driver,
            "Options": None if settings.ipam_options is None else dict(settings.ipam_options),
            "Config": [_subnet(each) for each in network.subnets],
        },
        "Internal": settings.internal,
        "Attachable": settings.attachable,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {each.container_id: _member(network, each) for each in endpoints},
        "Options": _options(network),
        "Labels": dict(settings.labels),
    }


def _options(network: NetworkRecord) -> dict[str, str]:
    """Return the options of *network*; those of `bridge` say what its link is called."""
    if network.name != BRIDGE:
        return dict(network.settings.options)
    return {
        "com.docker.network.bridge.default_bridge": "true",
        OPTION_ICC: "true",
        OPTION_MASQUERADE: "true",
        OPTION_HOST_IP: "0.0.0.0",  # noqa: S104
        OPTION_BRIDGE: network.bridge,
        OPTION_MTU: str(network.settings.mtu),
    }


def _subnet(subnet: Subnet) -> dict[str, Any]:
    shape: dict[str, Any] = {"Subnet": str(subnet.pool), "Gateway": str(subnet.gateway)}
    if subnet.ip_range is not None:
        shape["IPRange"] = str(subnet.ip_range)
    if subnet.aux_addresses:
        shape["AuxiliaryAddresses"] = dict(subnet.aux_addresses)
    return shape


def _member(network: NetworkRecord, endpoint: EndpointRecord) -> dict[str, str]:
    return {
        "Name": endpoint.container_name,
        "EndpointID": endpoint.id,
        "MacAddress": endpoint.mac,
        "IPv4Address": _with_prefix(network, endpoint.ipv4, 4),
        "IPv6Address": _with_prefix(network, endpoint.ipv6, 6),
    }


def _with_prefix(network: NetworkRecord, address: str, version: int) -> str:
    return f"{address}/{prefix_length(network, version)}" if address else ""


def prefix_length(network: NetworkRecord, version: int) -> int:
    """Return how long the prefix of the network's addresses of that IP version is."""
    subnet = network.subnet(version)
    return subnet.pool.prefixlen if subnet else 0
