"""
The nftables rules of an engine, rendered whole from the records; nothing here touches the host.

One table, of the family inet, holds all of them, and replacing it is one transaction of the kernel.
Its chains decide only about packets of our own bridges; all others pass untouched.

What the host sends from ::1 to a published port needs more than what it sends from 127.0.0.1, as
the kernel takes no packet with ::1 in it from any other interface, and no answer to ::1. So it goes
under a *stand-in*: an address that each bridge with IPv6 has besides its own, and that stands in
the place of ::1 from before its connection is tracked until its answer has come in. It is chosen so
that its checksum is that of ::1: what is inside of a packet, errors included, stays right.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.networks.pools import Pool
    from engine.networks.record import PublishedPort


LOOPBACK = {4: "127.0.0.0/8", 6: "::1"}
# A unique local address (RFC 4193) with one's complement sum 1, as ::1 has.
STAND_IN = ipaddress.IPv6Address("fd7d:a1a0:5548::b9a")


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """What the rules need to know of a network."""

    bridge: str
    pools: tuple[Pool, ...]
    is_internal: bool = False
    has_icc: bool = True
    has_masquerade: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Forward:
    """A published port and the address of the container that it leads to."""

    port: PublishedPort
    address: str


def render_rules(table: str, bridges: Sequence[BridgeRules], forwards: Iterable[Forward]) -> str:
    """Return the text for `nft -f` that makes these the only rules of *table*."""
    lines = [f"table inet {table}", f"delete table inet {table}"]
    if bridges:
        ordered = sorted(forwards)
        body = [
            *_maps(ordered),
            *_publish(),
            *_stand_in(bridges, ordered),
            *_guard(bridges),
            *_masquerade(bridges),
            *_forward(bridges),
        ]
        lines += [f"table inet {table} {{", *(f"  {line}" for line in body), "}"]
    return "\n".join(lines) + "\n"


def _maps(forwards: Sequence[Forward]) -> list[str]:
    return [
        line
        for version in (4, 6)
        for is_wild in (True, False)
        for line in _map(
            version,
            [
                each
                for each in forwards
                if (each.port.version, each.port.is_wild) == (version, is_wild)
            ],
            is_wild=is_wild,
        )
    ]


def _map(version: int, forwards: Sequence[Forward], *, is_wild: bool) -> list[str]:
    kind = f"ipv{version}_addr"
    name, key = ("any", "inet_service") if is_wild else ("at", f"{kind} . inet_service")
    lines = [f"map {name}{version} {{", f"  type inet_proto . {key} : {kind} . inet_service;"]
    if forwards:
        lines.append("  elements = { " + ", ".join(_element(each) for each in forwards) + " };")
    return [*lines, "}"]


def _element(forward: Forward) -> str:
    port = forward.port
    place = f"{port.host_port}" if port.is_wild else f"{port.host_ip} . {port.host_port}"
    return f"{port.protocol} . {place} : {forward.address} . {port.container_port}"


def _publish() -> list[str]:
    to = "meta l4proto { tcp, udp, sctp } dnat"
    return [
        "chain publish {",
        f"  {to} ip to meta l4proto . ip daddr . th dport map @at4",
        f"  {to} ip to meta l4proto . th dport map @any4",
        f"  {to} ip6 to meta l4proto . ip6 daddr . th dport map @at6",
        f"  {to} ip6 to meta l4proto . th dport map @any6",
        "}",
        "chain prerouting {",
        "  type nat hook prerouting priority dstnat; policy accept;",
        # No other host means ours by it: the kernel drops such packets, but only after this chain.
        *(f"  {_family(version)} daddr {LOOPBACK[version]} accept" for version in (4, 6)),
        "  fib daddr type local jump publish",
        "}",
        "chain output {",
        "  type nat hook output priority -100; policy accept;",
        "  fib daddr type local jump publish",
        "}",
    ]


def _stand_in(bridges: Sequence[BridgeRules], forwards: Sequence[Forward]) -> list[str]:
    """Let the stand-in take the place of ::1 on the way to a published port, and back."""
    ports = dict.fromkeys(
        f"{each.port.protocol} . {each.port.host_port}"
        for each in forwards
        if each.port.version == 6 and (each.port.is_wild or each.port.host_ip == LOOPBACK[6])
    )
    if not ports:
        return []
    back = f"iifname {_names(bridges)} ip6 saddr ::1 ip6 daddr {STAND_IN}"
    # Errors hold the beginning of what they are about: its sender is 16 bytes into them.
    sender = "@th,128,128"
    return [
        "set loopback {",
        "  type inet_proto . inet_service;",
        "  elements = { " + ", ".join(ports) + " };",
        "}",
        "chain from-loopback {",
        "  type filter hook output priority raw; policy accept;",
        f"  ip6 saddr ::1 ip6 daddr ::1 meta l4proto . th dport @loopback ip6 saddr set {STAND_IN}",
        "}",
        "chain to-loopback {",
        # Once the address that answers is ::1 again, which comes at 100.
        "  type filter hook input priority 150; policy accept;",
        f"  {back} icmpv6 type {{ destination-unreachable, packet-too-big }} "
        f"{sender} {int(STAND_IN):#x} {sender} set 1",
        f"  {back} ip6 daddr set ::1",
        "}",
    ]


def _guard(bridges: Sequence[BridgeRules]) -> list[str]:
    """Containers never speak as, or to, the host's loopback addresses (CVE-2020-8558)."""
    drops = [
        f"  iifname {_names(bridges)} {_family(version)} {side} {LOOPBACK[version]} drop"
        for version in (4, 6)
        for side in ("daddr", "saddr")
    ]
    return [
        "chain guard {",
        "  type filter hook prerouting priority raw; policy accept;",
        *drops,
        "}",
    ]


def _masquerade(bridges: Sequence[BridgeRules]) -> list[str]:
    lines = ["chain postrouting {", "  type nat hook postrouting priority srcnat; policy accept;"]
    for each in bridges:
        lines.append(f'  oifname "{each.bridge}" ip saddr {LOOPBACK[4]} masquerade')
        lines.append(f'  oifname "{each.bridge}" ip6 saddr {STAND_IN} masquerade')
        for pool in each.pools:
            source = f"{_family(pool.version)} saddr {pool}"
            # Back into the network it came from: the answer must pass here too.
            lines.append(f'  oifname "{each.bridge}" {source} ct status dnat masquerade')
            if each.has_masquerade and not each.is_internal:
                lines.append(f'  oifname != "{each.bridge}" {source} masquerade')
    return [*lines, "}"]


def _forward(bridges: Sequence[BridgeRules]) -> list[str]:
    lines = [
        "chain forward {",
        "  type filter hook forward priority filter; policy accept;",
        "  ct state established,related accept",
        f"  iifname vmap {{ {_jumps('from', bridges)} }}",
        f"  oifname vmap {{ {_jumps('into', bridges)} }}",
        "}",
    ]
    for each in bridges:
        lines += _from(each, bridges) + _into(each)
    return lines


def _from(bridge: BridgeRules, bridges: Sequence[BridgeRules]) -> list[str]:
    own = f'oifname "{bridge.bridge}"'
    rules = [f"{own} ct status dnat accept", f"{own} {'accept' if bridge.has_icc else 'drop'}"]
    if bridge.is_internal:
        rules.append("drop")
    else:
        open_ones = [each for each in bridges if not each.is_internal]
        rules.append(f"oifname {_names(open_ones)} ct status dnat accept")
        rules += [f"oifname {_names(bridges)} drop", "accept"]
    return [f"chain from-{bridge.bridge} {{", *(f"  {each}" for each in rules), "}"]


def _into(bridge: BridgeRules) -> list[str]:
    rules = ["drop"] if bridge.is_internal else ["ct status dnat accept", "drop"]
    return [f"chain into-{bridge.bridge} {{", *(f"  {each}" for each in rules), "}"]


def _jumps(direction: str, bridges: Sequence[BridgeRules]) -> str:
    return ", ".join(f'"{each.bridge}" : goto {direction}-{each.bridge}' for each in bridges)


def _family(version: int) -> str:
    return "ip6" if version == 6 else "ip"


def _names(bridges: Sequence[BridgeRules]) -> str:
    return "{ " + ", ".join(f'"{each.bridge}"' for each in bridges) + " }"
