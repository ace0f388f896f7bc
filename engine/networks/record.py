"""What is known about networks and about the containers that stand in them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from engine.networks.settings import parse_address, parse_pool
from engine.settings.checks import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.networks.pools import Address, Pool
    from engine.networks.settings import NetworkSettings
    from engine.settings.network import Endpoint

BRIDGE, HOST, NULL = "bridge", "host", "none"
PREDEFINED = (BRIDGE, HOST, NULL)


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet of a network, with the address of its gateway and those kept free."""

    pool: Pool
    gateway: Address
    ip_range: Pool | None = None
    aux_addresses: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.pool.version

    @property
    def gateway_interface(self) -> str:
        """The gateway's address as an interface has it, such as 172.18.0.1/16."""
        return f"{self.gateway}/{self.pool.prefixlen}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the subnet that `to_json` wrote."""
        inner = value["ip_range"]
        return cls(
            pool=parse_pool("subnet", value["pool"]),
            gateway=parse_address("gateway", value["gateway"]),
            ip_range=parse_pool("ip_range", inner) if inner else None,
            aux_addresses=dict(value["aux_addresses"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes an equal subnet."""
        return {
            "pool": str(self.pool),
            "gateway": str(self.gateway),
            "ip_range": str(self.ip_range) if self.ip_range else "",
            "aux_addresses": dict(self.aux_addresses),
        }


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """
    One network, as the engine's database has it.

    *bridge* is the name of its bridge on the host, empty for `host` and `none`.
    """

    id: str
    settings: NetworkSettings
    bridge: str
    subnets: tuple[Subnet, ...]
    created_at: datetime
    owner: str

    @property
    def name(self) -> str:
        """What people call it; unique on a host."""
        return self.settings.name

    @property
    def driver(self) -> str:
        """`bridge`, `host` or `null`."""
        return self.settings.driver

    @property
    def is_predefined(self) -> bool:
        """Whether it belongs to the engine and cannot be removed."""
        return self.name in PREDEFINED

    @property
    def has_names(self) -> bool:
        """Whether containers find each other by name in it: all but the default bridge do."""
        return self.driver == BRIDGE and self.name != BRIDGE

    def subnet(self, version: int) -> Subnet | None:
        """Return the subnet of IP version *version*, or None."""
        return next((each for each in self.subnets if each.version == version), None)


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """
    A container in a network.

    The addresses are empty while the container does not run. *position* counts its networks, so
    that `eth<position>` is its interface; *names* are what it answers to there; *servers* those by
    which it wants its other questions answered.
    """

    container_id: str
    container_name: str
    network: str
    position: int
    settings: Endpoint
    names: tuple[str, ...] = ()
    id: str = ""
    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    link: str = ""
    servers: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it has addresses."""
        return bool(self.id)

    @property
    def interface(self) -> str:
        """The name of its interface inside the container."""
        return f"eth{self.position}"

    def address(self, version: int) -> Address | None:
        """Return its address of IP version *version*, or None."""
        text = self.ipv4 if version == 4 else self.ipv6
        return ipaddress.ip_address(text) if text else None


@dataclass(frozen=True, slots=True, order=True)
class PublishedPort:
    """A port of the host that leads to a port of a container; *host_ip* may be 0.0.0.0 or ::."""

    container_port: int
    protocol: str
    host_ip: str
    host_port: int

    @property
    def version(self) -> int:
        """The IP version of the host's address."""
        return 6 if ":" in self.host_ip else 4

    @property
    def is_wild(self) -> bool:
        """Whether it is published at every address of the host."""
        return self.host_ip in {"0.0.0.0", "::"}  # noqa: S104

    @property
    def place(self) -> str:
        """Where it is published, as docker writes it."""
        host = f"[{self.host_ip}]" if self.version == 6 else self.host_ip
        return f"{host}:{self.host_port}"
