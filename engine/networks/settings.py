"""
What a person may choose about a network.

Settings that exist are valid; whatever breaks a rule raises `InvalidSetting` with the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003  (read at run time, with the annotations)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from engine.errors import InvalidSetting
from engine.settings.addresses import read_address, read_subnet
from engine.settings.checks import NOTHING
from engine.settings.reading import read_value, write_value

if TYPE_CHECKING:
    from engine.networks.pools import Address, Pool

DRIVERS = frozenset({"bridge", "host", "null"})
IPAM = "default"
MAX_NAME = 255
MAX_MTU = 65_535
MIN_MTU = 68
LINK_NAME = 15
OPTION_BRIDGE = "com.docker.network.bridge.name"
OPTION_ICC = "com.docker.network.bridge.enable_icc"
OPTION_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
OPTION_HOST_IP = "com.docker.network.bridge.host_binding_ipv4"
OPTION_MTU = "com.docker.network.driver.mtu"

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)
_LINK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)
_TRUE = frozenset({"1", "t", "true"})
_FALSE = frozenset({"0", "f", "false"})


@dataclass(frozen=True, slots=True)
class IpamPool:
    """One subnet that is asked for; what is left empty is chosen by the engine."""

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    def __post_init__(self) -> None:
        if not self.subnet and (self.ip_range or self.gateway or self.aux_addresses):
            raise InvalidSetting(
                "subnet", "every ip-range or gateway must have a corresponding subnet"
            )
        if self.subnet:
            pool = self.pool
            self._check_inside("ip_range", pool)
            self._check_inside("gateway", pool)
            for address in self.aux_addresses.values():
                _check_member("aux_addresses", address, pool)

    @property
    def pool(self) -> Pool:
        """The subnet; only where one is asked for."""
        try:
            return parse_pool("subnet", self.subnet)
        except InvalidSetting as error:
            reason = f"Invalid subnet {self.subnet[:80]} : {error.reason}"
            raise InvalidSetting("subnet", reason) from error

    @property
    def is_ipv6(self) -> bool:
        """Whether it asks for an IPv6 subnet."""
        return ":" in self.subnet

    def _check_inside(self, name: str, pool: Pool) -> None:
        text = getattr(self, name)
        if not text:
            return
        if name == "gateway":
            _check_member(name, text, pool)
            return
        inner = parse_pool(name, text)
        if inner.version != pool.version or not inner.subnet_of(pool):  # type: ignore[arg-type]
            raise InvalidSetting(name, f"{text} is not within {self.subnet}")


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """
    The options of one network, in docker's words.

    *options* are those of the driver, such as `com.docker.network.driver.mtu`; those that this
    engine does not know are kept and have no effect. Without *ipam* a free subnet is chosen.
    *ipam_options* of None were not mentioned, which is told apart from none.
    """

    name: str
    driver: str = "bridge"
    internal: bool = False
    enable_ipv6: bool = False
    attachable: bool = False
    ipam_driver: str = IPAM
    ipam: tuple[IpamPool, ...] = ()
    ipam_options: Mapping[str, str] | None = field(default=None, hash=False)
    options: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    def __post_init__(self) -> None:
        self._check_name()
        self._check_drivers()
        self._check_options()
        if any(each.is_ipv6 for each in self.ipam) and not self.enable_ipv6:
            raise InvalidSetting(
                "ipam", "an IPv6 subnet needs a network with IPv6", remedy="Add --ipv6."
            )

    def _check_name(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > MAX_NAME:
            raise InvalidSetting(
                "name",
                f"invalid network name: {self.name[:80]}, "
                "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            )

    def _check_drivers(self) -> None:
        if self.driver not in DRIVERS:
            raise InvalidSetting(
                "driver",
                f'plugin "{self.driver[:80]}" not found',
                remedy="This engine has the driver bridge.",
            )
        if self.ipam_driver != IPAM:
            raise InvalidSetting("ipam_driver", f'plugin "{self.ipam_driver[:80]}" not found')

    def _check_options(self) -> None:
        for name in (OPTION_ICC, OPTION_MASQUERADE):
            parse_flag(name, self.options.get(name, "true"))
        if not MIN_MTU <= self.mtu <= MAX_MTU:
            raise InvalidSetting(OPTION_MTU, f"must be between {MIN_MTU} and {MAX_MTU}")
        name = self.options.get(OPTION_BRIDGE, "")
        if name and (len(name) > LINK_NAME or not _LINK.fullmatch(name)):
            raise InvalidSetting(OPTION_BRIDGE, f"{name[:80]!r} cannot be a bridge's name")
        if OPTION_HOST_IP in self.options:
            self._check_host_ip(self.options[OPTION_HOST_IP])

    def _check_host_ip(self, text: str) -> None:
        try:
            parse_address(OPTION_HOST_IP, text)
        except InvalidSetting as error:
            reason = f"failed to parse {OPTION_HOST_IP} value: {text[:80]} (nil ip)"
            raise InvalidSetting(OPTION_HOST_IP, reason) from error

    @property
    def mtu(self) -> int:
        """The largest packet in bytes."""
        text = self.options.get(OPTION_MTU, "") or "1500"
        if not text.isdecimal():
            raise _unread(OPTION_MTU, text, "Atoi")
        return int(text)

    @property
    def has_icc(self) -> bool:
        """Whether its containers may talk to each other."""
        return parse_flag(OPTION_ICC, self.options.get(OPTION_ICC, "true"))

    @property
    def has_masquerade(self) -> bool:
        """Whether what leaves the network takes the host's address."""
        return parse_flag(OPTION_MASQUERADE, self.options.get(OPTION_MASQUERADE, "true"))

    @property
    def host_ip(self) -> str:
        """The host's address at which ports are published when none is asked for."""
        return self.options.get(OPTION_HOST_IP, "")

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the settings that a JSON object spells; raise `InvalidSetting` with the field."""
        return read_value(cls, value)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes equal settings."""
        return write_value(self, always=("name", "driver"))


def parse_pool(name: str, text: str) -> Pool:
    """Return the subnet that *text* spells; raise `InvalidSetting` for the field *name*."""
    try:
        return read_subnet(text)
    except ValueError as error:
        raise InvalidSetting(name, f"invalid CIDR address: {text[:80]}") from error


def parse_address(name: str, text: str) -> Address:
    """Return the address that *text* spells; raise `InvalidSetting` for the field *name*."""
    try:
        return read_address(text)
    except ValueError as error:
        raise InvalidSetting(name, f"invalid IP address: {text[:80]}") from error


def parse_flag(name: str, text: str) -> bool:
    """Return the truth that *text* spells; raise `InvalidSetting` for the option *name*."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise _unread(name, text, "ParseBool")


def _unread(name: str, text: str, parser: str) -> InvalidSetting:
    """Return what docker says of an option that its *parser* does not take."""
    why = f'strconv.{parser}: parsing "{text[:40]}": invalid syntax'
    return InvalidSetting(name, f"failed to parse {name} value: {text[:40]} ({why})")


def _check_member(name: str, text: str, pool: Pool) -> None:
    if parse_address(name, text) not in pool:
        raise InvalidSetting(name, f"{text[:80]} is not within {pool}")
