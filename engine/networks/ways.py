"""Which of its networks a container uses for what: pure, over its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.networks.door import Gateways, LinkPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.networks.record import EndpointRecord, NetworkRecord


def gateway_endpoint(
    endpoints: Iterable[EndpointRecord], networks: Mapping[str, NetworkRecord]
) -> EndpointRecord | None:
    """
    Return the endpoint through which the container reaches the world, and is reached.

    As with docker: of the networks that are not internal, the first by name; None if there is none.
    """
    able = [
        each
        for each in endpoints
        if each.is_active and each.network in networks and _leads_out(networks[each.network])
    ]
    return min(able, key=lambda each: each.network, default=None)


def gateways(
    endpoints: Iterable[EndpointRecord], networks: Mapping[str, NetworkRecord]
) -> Gateways:
    """Return the way out of a container with these endpoints."""
    endpoint = gateway_endpoint(endpoints, networks)
    if endpoint is None:
        return Gateways()
    subnets = {each.version: each for each in networks[endpoint.network].subnets}
    texts = {version: str(each.gateway) for version, each in subnets.items()}
    return Gateways(ipv4=texts.get(4, ""), ipv6=texts.get(6, ""))


def link_plan(endpoint: EndpointRecord, network: NetworkRecord, *, is_published: bool) -> LinkPlan:
    """Return the virtual link of an active endpoint as it shall be."""
    addresses = [
        f"{address}/{subnet.pool.prefixlen}"
        for subnet in network.subnets
        if (address := endpoint.address(subnet.version)) is not None
    ]
    return LinkPlan(
        name=endpoint.link,
        interface=endpoint.interface,
        bridge=network.bridge,
        mac=endpoint.mac,
        mtu=network.settings.mtu,
        addresses=tuple(addresses),
        is_isolated=not network.settings.has_icc,
        is_published=is_published,
    )


def _leads_out(network: NetworkRecord) -> bool:
    return bool(network.bridge) and not network.settings.internal
