"""
The nftables rules of an engine, rendered whole from the records; nothing here touches the host.

One table, of the family inet, holds all of them, and replacing it is one transaction of the kernel.
Its chains decide only about packets of our own bridges; all others pass untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.networks.pools import Pool
    from engine.networks.record import PublishedPort


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
        body = [
            *_maps(sorted(forwards)),
            *_publish(),
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
        "  fib daddr type local jump publish",
        "}",
        "chain output {",
        "  type nat hook output priority -100; policy accept;",
        # The kernel lets nothing from ::1 leave the loopback interface, so it is not sent there.
        "  ip6 daddr ::1 accept",
        "  fib daddr type local jump publish",
        "}",
    ]


def _guard(bridges: Sequence[BridgeRules]) -> list[str]:
    """Containers never speak as, or to, the host's loopback addresses (CVE-2020-8558)."""
    return [
        "chain guard {",
        "  type filter hook prerouting priority raw; policy accept;",
        f"  iifname {_names(bridges)} ip daddr 127.0.0.0/8 drop",
        f"  iifname {_names(bridges)} ip saddr 127.0.0.0/8 drop",
        "}",
    ]


def _masquerade(bridges: Sequence[BridgeRules]) -> list[str]:
    lines = ["chain postrouting {", "  type nat hook postrouting priority srcnat; policy accept;"]
    for each in bridges:
        lines.append(f'  oifname "{each.bridge}" ip saddr 127.0.0.0/8 masquerade')
        for pool in each.pools:
            source = f"{'ip6' if pool.version == 6 else 'ip'} saddr {pool}"
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


def _names(bridges: Sequence[BridgeRules]) -> str:
    return "{ " + ", ".join(f'"{each.bridge}"' for each in bridges) + " }"
