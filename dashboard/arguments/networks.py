"""What the jobs about networks are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    HEX_64,
    container_id_of,
    counted,
    flag_of,
    ids_of,
    labels_of,
    matching,
    only,
    text_of,
    texts_of,
)
from dashboard.arguments.kinds import Arguments, Thing
from engine.errors import InvalidSetting
from engine.settings.addresses import read_address, read_subnet

if TYPE_CHECKING:
    from collections.abc import Mapping

NETWORK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", re.ASCII)
DRIVERS = ("bridge",)
_REMEDY = "Use letters, digits, _ . and -, beginning with a letter or digit."


@dataclass(frozen=True, slots=True)
class CreateNetwork(Arguments):
    """Make a network; addresses that are left out are chosen by the host."""

    name: str
    subnet: str = ""
    gateway: str = ""
    ip_range: str = ""
    internal: bool = False
    ipv6: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    object_kind: ClassVar[str] = "network"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the network that *data* spells."""
        only(data, "name", "subnet", "gateway", "ip_range", "internal", "ipv6", "labels")
        subnet, gateway = _subnet_of(data, "subnet"), _address_of(data, "gateway")
        if gateway and (not subnet or read_address(gateway) not in read_subnet(subnet)):
            raise InvalidSetting("gateway", "it is no address of the subnet")
        name = text_of(data, "name", limit=128)
        return cls(
            matching("name", name, NETWORK_NAME, "not a network name", remedy=_REMEDY),
            subnet,
            gateway,
            _subnet_of(data, "ip_range"),
            flag_of(data, "internal"),
            flag_of(data, "ipv6"),
            labels_of(data),
        )

    @property
    def subject(self) -> str:
        """The name."""
        return self.name

    @property
    def title(self) -> str:
        """Create, and the name."""
        return f"Create network {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveNetwork(Arguments):
    """Remove a network that no container is connected to."""

    network_id: str
    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "network"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the removal that *data* spells."""
        only(data, "network_id")
        return cls(network_id_of(data))

    @property
    def subject(self) -> str:
        """The network's ID."""
        return self.network_id

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The network."""
        return (Thing("network", self.network_id),)

    @property
    def title(self) -> str:
        """Remove, and the short ID."""
        return f"Remove network {self.network_id[:12]}"


@dataclass(frozen=True, slots=True)
class CleanUpNetworks(Arguments):
    """Remove exactly the networks *ids*, and whatever of them is in use is reported as kept."""

    ids: tuple[str, ...]
    object_kind: ClassVar[str] = "network"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the clean-up that *data* spells."""
        only(data, "ids")
        return cls(ids_of(data, HEX_64))

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The networks."""
        return tuple(Thing("network", each) for each in self.ids)

    @property
    def title(self) -> str:
        """What goes."""
        return f"Clean up {counted(len(self.ids), 'unused network')}"


@dataclass(frozen=True, slots=True)
class ConnectNetwork(Arguments):
    """Connect a container to a network, under *aliases* and perhaps with a fixed address."""

    network_id: str
    container_id: str
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    object_kind: ClassVar[str] = "network"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the connection that *data* spells."""
        only(data, "network_id", "container_id", "aliases", "ipv4", "ipv6")
        return cls(
            network_id_of(data),
            container_id_of(data),
            texts_of(data, "aliases") or (),
            _address_of(data, "ipv4"),
            _address_of(data, "ipv6"),
        )

    @property
    def subject(self) -> str:
        """The network's ID."""
        return self.network_id

    @property
    def title(self) -> str:
        """Both short IDs."""
        return f"Connect container {self.container_id[:12]} to network {self.network_id[:12]}"


@dataclass(frozen=True, slots=True)
class DisconnectNetwork(Arguments):
    """Take a container from a network."""

    network_id: str
    container_id: str
    object_kind: ClassVar[str] = "network"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the disconnection that *data* spells."""
        only(data, "network_id", "container_id")
        return cls(network_id_of(data), container_id_of(data))

    @property
    def subject(self) -> str:
        """The network's ID."""
        return self.network_id

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The container, which may be lost without it."""
        return (Thing("container", self.container_id),)

    @property
    def title(self) -> str:
        """Both short IDs."""
        return f"Disconnect container {self.container_id[:12]} from network {self.network_id[:12]}"


def network_id_of(data: Mapping[str, Any]) -> str:
    """Return the whole network ID."""
    value = text_of(data, "network_id")
    return matching("network_id", value, HEX_64, "not a whole network ID")


def _subnet_of(data: Mapping[str, Any], name: str) -> str:
    text = text_of(data, name, limit=64).strip()
    try:
        return str(read_subnet(text, strict=True)) if text else ""
    except ValueError as error:
        remedy = "Write it as 10.8.0.0/24, with no bits set after the length."
        raise InvalidSetting(name, f"{text!r} is not a subnet", remedy=remedy) from error


def _address_of(data: Mapping[str, Any], name: str) -> str:
    text = text_of(data, name, limit=64).strip()
    try:
        return str(read_address(text)) if text else ""
    except ValueError as error:
        raise InvalidSetting(name, f"{text!r} is not an address") from error
