"""Where containers stand: their endpoints and published ports, in docker's JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.dockerapi.shapes_networks import prefix_length
from engine.dockerapi.versions import NEWEST, ApiVersion
from engine.networks.record import BRIDGE
from engine.settings.network import parse_exposed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.containers.record import ContainerRecord
    from engine.engine import Engine
    from engine.networks.record import EndpointRecord, NetworkRecord, PublishedPort

WITH_NAMES = ApiVersion(1, 44)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Where one container stands.

    *exposed* are the ports that it, or its image, speaks of; *names* those networks of which no
    more is to be told.
    """

    endpoints: tuple[EndpointRecord, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    exposed: tuple[str, ...] = ()
    networks: Mapping[str, NetworkRecord] = field(default_factory=dict)
    names: tuple[str, ...] = ()


class Standings:
    """Looks up where containers stand, for one answer: networks are read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.networks = {each.name: each for each in engine.networks.list()}
        self._exposed: dict[str, tuple[str, ...]] = {}

    def of(self, record: ContainerRecord) -> Standing:
        """Return where *record* stands."""
        ports = self._engine.networks.ports(record.id) if record.is_running else []
        return Standing(
            endpoints=tuple(self._engine.networks.endpoints(record.id)),
            ports=tuple(ports),
            exposed=self.exposed(record),
            networks=self.networks,
        )

    def exposed(self, record: ContainerRecord) -> tuple[str, ...]:
        """Return the ports that *record*, or its image, speaks of."""
        return (*self._exposed_by_image(record), *record.settings.expose)

    def _exposed_by_image(self, record: ContainerRecord) -> tuple[str, ...]:
        key = str(record.image_id)
        if key not in self._exposed:
            image = self._engine.images.find(key)
            self._exposed[key] = image.config.defaults.exposed_ports if image else ()
        return self._exposed[key]


def networks_of(
    record: ContainerRecord, standing: Standing, version: ApiVersion = NEWEST
) -> dict[str, Any]:
    """Return docker's `Networks`: the endpoints by name of their network."""
    found = {each.network: _endpoint(each, standing) for each in standing.endpoints}
    for each in standing.endpoints:
        found[each.network] |= _names_of(each, record, version)
    for name in (*standing.names, *_without_endpoint(record, standing)):
        if name not in found and name in standing.networks:
            found[name] = {**_NO_ENDPOINT, "NetworkID": standing.networks[name].id}
    return found


def _without_endpoint(record: ContainerRecord, standing: Standing) -> tuple[str, ...]:
    """Return the network of *record* if nobody has an endpoint there: `host`, or `none`."""
    network = standing.networks.get(record.settings.network)
    return (network.name,) if network is not None and not network.bridge else ()


_NO_ENDPOINT: dict[str, Any] = {
    "IPAMConfig": None,
    "Links": None,
    "Aliases": None,
    "MacAddress": "",
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "DriverOpts": None,
}


def _names_of(
    endpoint: EndpointRecord, record: ContainerRecord, version: ApiVersion
) -> dict[str, Any]:
    """Return by what it is found there."""
    names = list(endpoint.names)
    if version >= WITH_NAMES:
        return {"DNSNames": names or None}
    # Old clients find those among the aliases, but its name, where names are answered at all.
    is_answered = endpoint.network != BRIDGE
    return (
        {"Aliases": [each for each in names if each != record.name] or None} if is_answered else {}
    )


def _endpoint(endpoint: EndpointRecord, standing: Standing) -> dict[str, Any]:
    asked = endpoint.settings
    network = standing.networks.get(endpoint.network)
    addresses = {"IPv4Address": asked.ipv4, "IPv6Address": asked.ipv6}
    chosen = {name: address for name, address in addresses.items() if address}
    return {
        **_NO_ENDPOINT,
        "IPAMConfig": chosen or None,
        "Links": list(asked.links) or None,
        "Aliases": list(asked.aliases) or None,
        "MacAddress": endpoint.mac,
        "NetworkID": network.id if network else "",
        "EndpointID": endpoint.id,
        "IPAddress": endpoint.ipv4,
        "GlobalIPv6Address": endpoint.ipv6,
        **(_gateways(endpoint, network) if network and endpoint.is_active else {}),
    }


def _gateways(endpoint: EndpointRecord, network: NetworkRecord) -> dict[str, Any]:
    four, six = network.subnet(4), network.subnet(6)
    return {
        "Gateway": str(four.gateway) if four and endpoint.ipv4 else "",
        "IPPrefixLen": prefix_length(network, 4) if endpoint.ipv4 else 0,
        "IPv6Gateway": str(six.gateway) if six and endpoint.ipv6 else "",
        "GlobalIPv6PrefixLen": prefix_length(network, 6) if endpoint.ipv6 else 0,
    }


def network_settings_of(
    record: ContainerRecord, standing: Standing, version: ApiVersion
) -> dict[str, Any]:
    """Return docker's `NetworkSettings`; the first fields tell of the default bridge alone."""
    networks = networks_of(record, standing, version)
    bridge = networks.get(BRIDGE, _NO_ENDPOINT)
    told = ("EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress")
    more = ("IPPrefixLen", "IPv6Gateway", "MacAddress")
    return {
        "Bridge": "",
        "SandboxID": record.id if record.is_running else "",
        "SandboxKey": f"/proc/{record.pid}/ns/net" if record.is_running else "",
        "Ports": port_map(record, standing),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{name: bridge[name] for name in (*told, *more)},
        "Networks": networks,
    }


def port_map(record: ContainerRecord, standing: Standing) -> dict[str, Any]:
    """Return docker's `Ports`: null for a port that is exposed and not published."""
    if not record.is_running:
        return {}
    ports: dict[str, Any] = {f"{port}/{kind}": None for port, kind in _exposed(standing)}
    for each in standing.ports:
        key = f"{each.container_port}/{each.protocol}"
        binding = {"HostIp": each.host_ip, "HostPort": str(each.host_port)}
        ports[key] = [*(ports.get(key) or []), binding]
    return ports


def port_rows(record: ContainerRecord, standing: Standing) -> list[dict[str, Any]]:
    """Return the PORTS of `docker ps`."""
    if not record.is_running:
        return []
    rows: list[dict[str, Any]] = [
        {
            "IP": each.host_ip,
            "PrivatePort": each.container_port,
            "PublicPort": each.host_port,
            "Type": each.protocol,
        }
        for each in standing.ports
    ]
    published = {(each.container_port, each.protocol) for each in standing.ports}
    silent = [each for each in _exposed(standing) if each not in published]
    return rows + [{"PrivatePort": port, "Type": kind} for port, kind in silent]


def _exposed(standing: Standing) -> list[tuple[int, str]]:
    return sorted({port for text in standing.exposed for port in _ports(text)})


def _ports(text: str) -> Iterable[tuple[int, str]]:
    ports, protocol = parse_exposed(text)
    return [(port, protocol) for port in ports]
