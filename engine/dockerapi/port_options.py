"""Networks, ports and links as docker's clients ask for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.dockerapi.refusals import Refusal
from engine.settings import Endpoint, PortBinding

if TYPE_CHECKING:
    from engine.dockerapi.fields import Fields

DEFAULT_NETWORK = "bridge"
NO_ADDRESS = "user specified IP address is supported on user defined networks only"
SEVERAL = "Container cannot be connected to network endpoints: "
DEFAULTS = frozenset({"", "default"})
WITHOUT_ENDPOINT = frozenset({"none", "host"})


def network_of(config: Fields, host: Fields) -> str:
    """Return the network that the container is in first."""
    if config.flag("NetworkDisabled"):
        return "none"
    mode = host.text("NetworkMode")
    named = [name for name, _ in config.child("NetworkingConfig").items("EndpointsConfig")]
    if mode in DEFAULTS and len(named) == 1 and named[0] not in DEFAULTS:
        return named[0]
    return DEFAULT_NETWORK if mode in DEFAULTS | {"bridge"} else mode


def endpoints_of(config: Fields, host: Fields, network: str) -> tuple[Endpoint, ...]:
    """Return what is asked for in each network, that of *network* first."""
    asked = config.child("NetworkingConfig").items("EndpointsConfig")
    endpoints = {_name(name): endpoint_of(_name(name), each) for name, each in asked}
    for each in endpoints.values():
        if each.network in WITHOUT_ENDPOINT and (each.ipv4 or each.ipv6):
            raise Refusal(400, NO_ADDRESS)
    links, mac = host.texts("Links"), config.text("MacAddress")
    if (links or mac) and network not in WITHOUT_ENDPOINT:
        first = endpoints.get(network, Endpoint(network))
        endpoints[network] = replace(first, links=first.links + links, mac=first.mac or mac)
    return tuple(
        sorted(
            (each for each in endpoints.values() if each.network not in WITHOUT_ENDPOINT),
            key=lambda each: each.network != network,
        )
    )


def _name(name: str) -> str:
    return DEFAULT_NETWORK if name in DEFAULTS | {"bridge"} else name


def endpoint_of(network: str, asked: Fields) -> Endpoint:
    """
    Return an `EndpointSettings` of docker's as what is asked for in *network*.

    Raises `Refusal` where it has what this engine would have to ignore.
    """
    addresses = asked.child("IPAMConfig")
    if addresses.is_set("LinkLocalIPs"):
        raise Refusal(400, "link-local addresses are not supported by this engine")
    if options := asked.mapping("DriverOpts"):
        names = ", ".join(sorted(options))[:120]
        raise Refusal(
            400, f"driver options of an endpoint are not supported by this engine: {names}"
        )
    return Endpoint(
        network=network,
        aliases=asked.texts("Aliases"),
        ipv4=addresses.text("IPv4Address"),
        ipv6=addresses.text("IPv6Address"),
        mac=asked.text("MacAddress"),
        links=asked.texts("Links"),
    )


def port_bindings_of(host: Fields) -> tuple[PortBinding, ...]:
    """Return `PortBindings` as the ports that are published."""
    bindings = host.value("PortBindings") or {}
    if not isinstance(bindings, dict):
        raise host.wrong("PortBindings", "nat.PortMap")
    return tuple(
        binding for port, places in bindings.items() for binding in _bindings(host, port, places)
    )


def _bindings(host: Fields, port: str, places: Any) -> list[PortBinding]:
    number, protocol = _port(port)
    if places is None or places == []:
        return [PortBinding(number, protocol)]
    if not isinstance(places, list) or not all(isinstance(each, dict) for each in places):
        raise host.wrong(f"PortBindings.{port[:20]}", "[]nat.PortBinding")
    fields = type(host)
    return [_binding(number, protocol, fields(each, f"PortBindings.{port}")) for each in places]


def _binding(number: int, protocol: str, place: Fields) -> PortBinding:
    first, dash, last = place.text("HostPort").partition("-")
    if not all(text == "" or _is_number(text) for text in (first, last)) or (dash and not last):
        raise Refusal(400, f"Invalid port specification: {place.text('HostPort')[:60]!r}")
    return PortBinding(
        container_port=number,
        protocol=protocol,
        host_ip=place.text("HostIp"),
        host_port=int(first or 0),
        host_port_end=int(last or 0),
    )


def _port(text: str) -> tuple[int, str]:
    number, _, protocol = text.partition("/")
    if not _is_number(number):
        raise Refusal(400, f"Invalid port specification: {text[:60]!r}")
    return int(number), (protocol or "tcp").lower()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
