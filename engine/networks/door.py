"""
The doors to the kernel and to other programs, as far as networks need them, and what passes.

Each is small, and what passes is a frozen value that says how things shall be. Every call may be
repeated; afterwards the host is as was said, whoever made it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from engine.networks.pools import Pool
    from engine.networks.record import PublishedPort


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """
    A bridge as it shall be.

    *addresses* are those of the gateways, with their prefix length. *is_routed*: packets may pass
    from it to elsewhere. *answers_loopback*: what the host sends to a port that is published at
    127.0.0.1 may go into it. *stand_in*: an address that it has besides and never speaks from by
    itself; empty for none. *sign*: what it bears, so that its engine knows it again.
    """

    name: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]
    is_routed: bool
    answers_loopback: bool = False
    stand_in: str = ""
    sign: str = ""

    @property
    def has_ipv6(self) -> bool:
        """Whether one of its addresses is an IPv6 one."""
        return any(":" in each for each in self.addresses)


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """
    A veth pair as it shall be: *name* on the host, in *bridge*; *interface* in the container.

    *addresses* have their prefix length. *is_isolated*: it reaches no other port of the bridge;
    *is_published*: what the container sends to its own published ports may come back to it.
    """

    name: str
    interface: str
    bridge: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]
    is_isolated: bool = False
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class Gateways:
    """The way out of a container; empty where there is none."""

    ipv4: str = ""
    ipv6: str = ""


class Links(Protocol):
    """Bridges and virtual links."""

    def list_taken(self, *, but: frozenset[str] = frozenset()) -> list[Pool]:
        """Return the subnets of the host's routes and addresses, except those of links in *but*."""

    def ensure_bridge(self, plan: BridgePlan) -> None:
        """See to it that the bridge exists, is up and has its addresses; raise `SystemFailure`."""

    def has(self, name: str) -> bool:
        """Whether the host has a link of that name."""

    def list_names(self, prefix: str) -> set[str]:
        """Return the names of the host's links that begin with *prefix*."""

    def list_signed(self, sign: str) -> set[str]:
        """Return the names of the host's bridges that bear exactly *sign*."""

    def remove(self, name: str) -> None:
        """Remove a link of the host; one that is not there is fine."""

    def join(self, pid: int, plans: Sequence[LinkPlan], gateways: Gateways) -> None:
        """
        Give the network namespace of process *pid* the links of *plans*, and its way out.

        A link that is there already is made anew. Raises `SystemFailure`.
        """

    def forget_udp(self, ports: frozenset[int]) -> None:
        """Have every UDP conversation with one of the host's *ports* go where the rules say now."""

    def leave(self, pid: int, interface: str, gateways: Gateways) -> None:
        """Take one interface from the namespace of process *pid*, and set its way out anew."""


class Firewall(Protocol):
    """The rules of this engine."""

    def apply(self, rules: str) -> None:
        """Put *rules* in place of all that were there, at once; raise `SystemFailure`."""

    def is_applied(self) -> bool:
        """Whether this engine has rules on the host."""

    def remove(self) -> None:
        """Leave no rule of this engine on the host."""

    def pass_others(self, bridges: Sequence[str]) -> None:
        """See to it that a docker on this host lets pass what goes through *bridges*."""


class Ports(Protocol):
    """Ports of the host."""

    def hold(self, port: PublishedPort, undo: ExitStack) -> int:
        """
        Take *port*, so that no other program gets it, until *undo* and return the descriptor.

        Whoever inherits it keeps the port. Raises `OSError` where somebody has it, and
        `Unsupported` where the kernel does not know the protocol.
        """

    def ephemeral(self) -> range:
        """Return the ports from which one may be chosen that nobody asked for."""


class NameServer(Protocol):
    """The program that answers containers' questions for names."""

    def reload(self, directory: Path) -> None:
        """
        See to it that it runs and answers by what is in *directory*; none is left without a file.

        Raises `ProgramNotFound`.
        """

    def is_running(self, directory: Path) -> bool:
        """Whether it answers by what is in *directory*."""

    def stop(self, directory: Path) -> None:
        """End it; one that does not run is fine."""


@dataclass(frozen=True, slots=True)
class Host:
    """The doors of one host."""

    links: Links
    firewall: Firewall
    ports: Ports
    names: NameServer
