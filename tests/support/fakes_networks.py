"""A made-up host for networks: links, rules, ports and a name server that only remember."""

from __future__ import annotations

import errno
import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.networks.door import Host

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from engine.networks.door import BridgePlan, Gateways, LinkPlan
    from engine.networks.pools import Pool
    from engine.networks.record import PublishedPort

FIRST, LAST = 40_000, 40_010


@dataclass
class FakeLinks:
    """Bridges by name, and what stands in them: link by name, with the pid it leads to."""

    bridges: dict[str, BridgePlan] = field(default_factory=dict)
    links: dict[str, tuple[int, LinkPlan]] = field(default_factory=dict)
    ways: dict[int, Gateways] = field(default_factory=dict)
    foreign: list[Pool] = field(default_factory=list)
    forgotten: set[int] = field(default_factory=set)

    def list_taken(self, *, but: frozenset[str] = frozenset()) -> list[Pool]:
        own = [
            ipaddress.ip_network(address, strict=False)
            for name, each in self.bridges.items()
            for address in each.addresses
            if name not in but
        ]
        return [*self.foreign, *own]

    def ensure_bridge(self, plan: BridgePlan) -> None:
        self.bridges[plan.name] = plan

    def list_signed(self, sign: str) -> set[str]:
        return {name for name, each in self.bridges.items() if each.sign == sign}

    def has(self, name: str) -> bool:
        return name in self.bridges or name in self.links

    def list_names(self, prefix: str) -> set[str]:
        return {name for name in (*self.bridges, *self.links) if name.startswith(prefix)}

    def remove(self, name: str) -> None:
        self.bridges.pop(name, None)
        self.links.pop(name, None)

    def join(self, pid: int, plans: Sequence[LinkPlan], gateways: Gateways) -> None:
        for plan in plans:
            assert plan.bridge in self.bridges, f"no bridge {plan.bridge}"
            self.links[plan.name] = (pid, plan)
        self.ways[pid] = gateways

    def forget_udp(self, ports: frozenset[int]) -> None:
        self.forgotten |= ports

    def leave(self, pid: int, interface: str, gateways: Gateways) -> None:
        for name, (holder, plan) in list(self.links.items()):
            if (holder, plan.interface) == (pid, interface):
                del self.links[name]
        self.ways[pid] = gateways

    def end(self, pid: int) -> None:
        """Let the links of a process that has ended vanish, as the kernel does."""
        self.links = {name: each for name, each in self.links.items() if each[0] != pid}
        self.ways.pop(pid, None)


@dataclass
class FakeFirewall:
    """The rules that were applied last."""

    rules: str = ""
    passed: tuple[str, ...] = ()
    applications: int = 0

    def apply(self, rules: str) -> None:
        self.rules = rules
        self.applications += 1

    def is_applied(self) -> bool:
        return bool(self.rules)

    def remove(self) -> None:
        self.rules = ""

    def pass_others(self, bridges: Sequence[str]) -> None:
        self.passed = tuple(bridges)


@dataclass
class FakePorts:
    """Ports that somebody holds; *foreign* ones belong to other programs."""

    held: set[tuple[str, str, int]] = field(default_factory=set)
    foreign: set[int] = field(default_factory=set)

    def hold(self, port: PublishedPort, undo: ExitStack) -> int:
        key = (port.protocol, port.host_ip, port.host_port)
        if key in self.held or port.host_port in self.foreign:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.held.add(key)
        undo.callback(self.held.discard, key)
        return port.host_port

    def ephemeral(self) -> range:
        return range(FIRST, LAST + 1)


@dataclass
class FakeNames:
    """What the name server was told last, by network."""

    files: dict[str, str] = field(default_factory=dict)

    def reload(self, directory: Path) -> None:
        self.files = {each.name: each.read_text() for each in directory.iterdir()}

    def is_running(self, directory: Path) -> bool:
        return bool(self.files)

    def stop(self, directory: Path) -> None:
        self.files = {}


def fake_network_host() -> Host:
    """Return a host without anything on it."""
    return Host(links=FakeLinks(), firewall=FakeFirewall(), ports=FakePorts(), names=FakeNames())
