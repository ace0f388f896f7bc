"""`--publish`, `--network` and everything else that says how a container is reached."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings.network import Endpoint, PortBinding

if TYPE_CHECKING:
    from engine.settings.docker_run.flags import Given

_PUBLISHED = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[^:\[\]]*):)?(?:(?P<host>\d*|\d+-\d+):)?"
    r"(?P<inner>\d+(?:-\d+)?)(?:/(?P<protocol>[a-zA-Z]+))?",
    re.ASCII,
)
_LONG = {
    "name": "network",
    "ip": "ipv4",
    "ip6": "ipv6",
    "mac-address": "mac",
}


def read_networking(given: Given) -> dict[str, Any]:
    """Return how a line wants its container connected."""
    endpoints = [_endpoint(each) for each in given.all("network")]
    found: dict[str, Any] = {
        "publish": tuple(each for text in given.all("publish") for each in read_published(text)),
        "publish_all": given.is_on("publish-all"),
        "expose": given.all("expose"),
        "dns": given.all("dns"),
        "dns_search": given.all("dns-search"),
        "dns_options": given.all("dns-option"),
        "extra_hosts": tuple(map(_extra_host, given.all("add-host"))),
    }
    first = endpoints[0].get("network", "") if endpoints else "bridge"
    own = _own_endpoint(given)
    if endpoints:
        found["network"] = first
    if own or any(set(each) > {"network"} for each in endpoints) or len(endpoints) > 1:
        merged = {"network": first, **(endpoints[0] if endpoints else {}), **own}
        found["endpoints"] = (Endpoint(**merged), *(Endpoint(**each) for each in endpoints[1:]))
    return found


def _own_endpoint(given: Given) -> dict[str, Any]:
    """Return what flags of their own say of the first network."""
    values: dict[str, Any] = {
        "aliases": given.all("network-alias"),
        "links": given.all("link"),
        "ipv4": given.last("ip"),
        "ipv6": given.last("ip6"),
        "mac": given.last("mac-address"),
    }
    return {name: value for name, value in values.items() if value}


def _endpoint(text: str) -> dict[str, Any]:
    if "=" not in text:
        return {"network": "bridge" if text == "default" else text}
    found: dict[str, Any] = {}
    for each in next(csv.reader([text]), []):
        key, _, value = each.partition("=")
        if key == "alias":
            found["aliases"] = (*found.get("aliases", ()), value)
        elif key in _LONG:
            found[_LONG[key]] = value
        else:
            raise InvalidSetting("network", f"invalid field {key[:40]} in '{text[:80]}'")
    if "network" not in found:
        raise InvalidSetting("network", "network name/id is not specified")
    return found


def _extra_host(text: str) -> str:
    # docker also takes an equals sign, which leaves the colons to IPv6.
    name, equals, address = text.partition("=")
    return f"{name}:{address}" if equals else text


def read_published(text: str) -> list[PortBinding]:
    """Return the bindings of `-p [[IP:]HOST:]CONTAINER[/PROTOCOL]`, ranges and all."""
    match = _PUBLISHED.fullmatch(text)
    if match is None:
        raise InvalidSetting("publish", f"invalid port specification: {text[:80]!r}")
    ip, host = (match["ip"] or "").strip("[]"), match["host"] or ""
    if match["ip"] is not None and match["host"] is None:
        # With one colon, what is before it is the port of the host.
        ip, host = "", match["ip"]
    inner, outer = _range(match["inner"], text), _range(host, text) if host else None
    protocol = (match["protocol"] or "tcp").lower()
    if outer is None:
        return [PortBinding(port, protocol, ip) for port in inner]
    if len(inner) == 1 < len(outer):
        return [PortBinding(inner[0], protocol, ip, outer[0], outer[-1])]
    if len(inner) != len(outer):
        raise InvalidSetting(
            "publish", f"Invalid ranges specified for container and host Ports: {text[:80]}"
        )
    pairs = zip(inner, outer, strict=True)
    return [PortBinding(port, protocol, ip, host_port) for port, host_port in pairs]


def _range(text: str, whole: str) -> range:
    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or len(text) > 11:
        raise InvalidSetting("publish", f"invalid port specification: {whole[:80]!r}")
    found = range(int(first), int(last or first) + 1)
    if not found:
        raise InvalidSetting("publish", f"Invalid range format: {whole[:80]!r}")
    return found
