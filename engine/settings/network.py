"""How a container is reached, and whom it reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import InvalidSetting
from engine.settings.addresses import Address, read_address
from engine.settings.checks import check_count, check_text, check_texts

LAST_PORT = 65_535
PROTOCOLS = ("tcp", "udp", "sctp")
HOST_GATEWAY = "host-gateway"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}", re.ASCII)
# Printed, and nothing that a resolv.conf, a hosts file or a list of names reads otherwise.
_WORD = re.compile(r"[^\s\x00-\x1f\x7f,#;]*")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}", re.ASCII)
_EXPOSED = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PortBinding:
    """
    A port of the container that can be reached through the host.

    *host_port* of 0 takes a free one; with *host_port_end* a free one of that range. An empty
    *host_ip* means every address of the host.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0
    host_port_end: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.container_port <= LAST_PORT:
            raise InvalidSetting("publish", f"Invalid containerPort: {self.container_port}")
        if not 0 <= self.host_port <= LAST_PORT or not 0 <= self.host_port_end <= LAST_PORT:
            raise InvalidSetting("publish", f"Invalid hostPort: {self.host_port}")
        if self.host_port_end and self.host_port_end < self.host_port:
            raise InvalidSetting("publish", "the range of host ports ends before it begins")
        if self.protocol not in PROTOCOLS:
            raise InvalidSetting("publish", f"Invalid proto: {self.protocol[:20]}")
        if self.host_ip:
            check_address("publish", self.host_ip, "Invalid ip address")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    The place of a container in one network, which is named by name or ID.

    Empty addresses are chosen; *links* are `container[:alias]`, further names it knows others by.
    """

    network: str
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    links: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_network_name("endpoints", self.network)
        check_words("endpoints", (*self.aliases, *self.links))
        for text, version in ((self.ipv4, 4), (self.ipv6, 6)):
            refusal = f"invalid IPv{version} address"
            if text and check_address("endpoints", text, refusal).version != version:
                raise InvalidSetting("endpoints", f"{refusal}: {text[:60]}")
        if self.mac and not _MAC.fullmatch(self.mac):
            raise InvalidSetting("endpoints", f"{self.mac[:40]} is not a valid mac address")


_OF_ONES_OWN = {
    "publish": "port publishing and the container type",
    "dns": "dns and the",
    "extra_hosts": "custom host-to-IP mapping and the",
    "expose": "port exposing and the container type",
}
"""What a container has no use for that stands in the network of another, and docker's words."""


@dataclass(frozen=True, kw_only=True)
class Networking:
    """
    The part of the settings that says how the container is connected.

    *network* is `none`, `host`, `container:REF`, `bridge` or a network's name; *endpoints* say more
    about that network, and name further ones.
    """

    network: str = "bridge"
    endpoints: tuple[Endpoint, ...] = ()
    publish: tuple[PortBinding, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()

    def check_networking(self) -> None:
        """Raise `InvalidSetting` where one of these breaks a rule."""
        if self.network.startswith("container:"):
            check_joined("network", self.network)
            self._check_joins()
        else:
            check_network_name("network", self.network)
        for name in ("endpoints", "publish"):
            check_count(name, getattr(self, name))
        for name in ("dns_search", "dns_options", "expose", "extra_hosts", "dns"):
            check_words(name, getattr(self, name))
        self._check_addresses()

    def _check_joins(self) -> None:
        for name, words in _OF_ONES_OWN.items():
            if getattr(self, name):
                raise InvalidSetting(name, f"conflicting options: {words} network mode")

    def _check_addresses(self) -> None:
        for address in self.dns:
            check_address("dns", address, "is not an ip address")
        for text in self.expose:
            parse_exposed(text)
        for text in self.extra_hosts:
            check_extra_host(text)


def check_address(name: str, text: str, refusal: str) -> Address:
    """Return the address that *text* is; raise `InvalidSetting` on *name* saying *refusal*."""
    try:
        return read_address(text)
    except ValueError as error:
        raise InvalidSetting(name, f"{refusal}: {text[:60]}") from error


def check_words(name: str, words: tuple[str, ...]) -> None:
    """
    Raise `InvalidSetting` on *name* unless each of *words* can stand in a file of names.

    Blanks, line ends, commas and comments would say something else there, of other containers too.
    """
    check_texts(name, words)
    for word in words:
        if not _WORD.fullmatch(word):
            raise InvalidSetting(name, f"{word[:80]!r} holds a character that no name has")


def check_network_name(name: str, text: str) -> None:
    """Raise `InvalidSetting` unless a network can be called *text*."""
    if not _NAME.fullmatch(text):
        raise InvalidSetting(name, f"{text[:80]!r} cannot be a network's name")


def check_joined(name: str, text: str) -> None:
    """Raise `InvalidSetting` unless *text* is `container:` and a name or ID."""
    check_text(name, text)
    if not _NAME.fullmatch(text.partition(":")[2]):
        reason = "invalid container format container:<name|id>"
        raise InvalidSetting(
            name, f"Invalid network mode: {reason}" if name == "network" else reason
        )


def check_extra_host(text: str) -> None:
    """Raise `InvalidSetting` unless *text* is `name:address`."""
    name, colon, address = text.partition(":")
    if not name or not colon:
        raise InvalidSetting("extra_hosts", f'bad format for add-host: "{text[:80]}"')
    if address != HOST_GATEWAY:
        check_address("extra_hosts", address.strip("[]"), "invalid IP address in add-host")


def parse_exposed(text: str) -> tuple[tuple[int, ...], str]:
    """Return ports and protocol of `80`, `80/udp` or `8000-8010/tcp`; raise `InvalidSetting`."""
    match = _EXPOSED.fullmatch(text.lower())
    first = int(match[1]) if match else 0
    last = int(match[2] or first) if match else 0
    if match is None or not 0 < first <= last <= LAST_PORT:
        raise InvalidSetting("expose", f"invalid range format for --expose: {text[:60]}")
    return tuple(range(first, last + 1)), match[3] or "tcp"
