"""
Addresses and subnets as people type them.

Python takes any text after a `%` as the zone of an IPv6 address, spaces and newlines included. What
is parsed here ends up in rules and in files of names, and no zone of this host means anything
there: there is none.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_address(text: str) -> Address:
    """Return the address that *text* spells; raise `ValueError` where it is none, or has a zone."""
    return ipaddress.ip_address(_without_zone(text))


def read_subnet(text: str, *, strict: bool = False) -> Subnet:
    """Return the subnet that *text* spells; *strict* takes no bits after its length."""
    return ipaddress.ip_network(_without_zone(text), strict=strict)


def _without_zone(text: str) -> str:
    if "%" in text:
        raise ValueError(text)
    return text
