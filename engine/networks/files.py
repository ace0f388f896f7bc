"""
/etc/hosts and /etc/resolv.conf of a container, rendered as docker writes them.

Nothing is read or written here.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOSTS = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""
# Docker's choice where the host's own resolvers cannot be reached from a container.
PUBLIC_SERVERS = ("8.8.8.8", "8.8.4.4")
NO_DOTS = "ndots:0"


@dataclass(frozen=True, slots=True)
class Resolver:
    """The three things that a resolv.conf says."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def or_else(self, other: Resolver) -> Resolver:
        """Return this, with what it leaves open taken from *other*."""
        return Resolver(
            self.servers or other.servers,
            self.search or other.search,
            self.options or other.options,
        )


def parse_resolver(text: str) -> Resolver:
    """Return what the resolv.conf *text* says; resolv.conf(5)."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if not words:
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] in {"search", "domain"}:
            search = words[1:]
        elif words[0] == "options":
            options += words[1:]
    return Resolver(tuple(servers), tuple(search), tuple(options))


def reachable(resolver: Resolver) -> Resolver:
    """Return *resolver* without the servers that only the host itself can reach."""
    servers = tuple(each for each in resolver.servers if not _is_loopback(each))
    return Resolver(servers or PUBLIC_SERVERS, resolver.search, resolver.options)


def render_resolver(resolver: Resolver) -> str:
    """Return the text of a resolv.conf."""
    # A lone dot means: look nowhere else.
    search = [] if resolver.search == (".",) else resolver.search
    lines = ["search " + " ".join(search)] if search else []
    lines += [f"nameserver {each}" for each in resolver.servers]
    if resolver.options:
        lines.append("options " + " ".join(resolver.options))
    return "".join(f"{line}\n" for line in lines)


def render_hosts(entries: Iterable[tuple[str, Sequence[str]]], *, heading: str = HOSTS) -> str:
    """Return *heading* and a line for each of *entries*, an address and its names."""
    return heading + "".join(f"{address}\t{' '.join(names)}\n" for address, names in entries)


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return True
