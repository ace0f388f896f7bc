"""
Bridges and virtual links over netlink.

The library is imported when the first network is made: it takes a tenth of a second, and most
processes of ours never need it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, from_oserror
from engine.networks.flows import forget_udp
from engine.system.namespaces import in_network_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.networks.door import BridgePlan, Gateways, LinkPlan
    from engine.networks.pools import Pool

SYSCTL = Path("/proc/sys/net")
# if_addr.h: an address that is used at once, without asking around whether somebody has it.
IFA_F_NODAD = 0x02
# Valid for ever, but never chosen to speak from.
DEPRECATED = {"ifa_preferred": 0, "ifa_valid": 0xFFFFFFFF}
IPV6_ABSENT = "1"
FAMILIES = {4: 2, 6: 10}
MAIN_TABLE = 254


class NetlinkLinks:
    """`Links` of this very kernel."""

    def list_taken(self, *, but: frozenset[str] = frozenset()) -> list[Pool]:
        """Return the subnets of the host's routes and addresses, except those of links in *but*."""
        with _netlink("read the host's routes") as netlink:
            indices = {
                each["index"] for each in netlink.get_links() if each.get_attr("IFLA_IFNAME") in but
            }
            messages = [*netlink.get_routes(), *netlink.get_addr()]
        return sorted(
            {pool for each in messages if (pool := _pool_of(each, indices)) is not None}, key=str
        )

    def ensure_bridge(self, plan: BridgePlan) -> None:
        """See to it that the bridge exists, is up and has its addresses."""
        with _netlink(f"make the bridge {plan.name}") as netlink:
            index = _find(plan.name)
            if index is None:
                netlink.link("add", ifname=plan.name, kind="bridge", address=plan.mac, mtu=plan.mtu)
                index = _get(plan.name)
            if plan.sign:
                netlink.link("set", index=index, ifalias=plan.sign)
            _set_sysctls(plan)
            for address in plan.addresses:
                _ensure_address(netlink, index, address)
            if plan.stand_in:
                _ensure_address(netlink, index, plan.stand_in, IFA_CACHEINFO=DEPRECATED)
            netlink.link("set", index=index, state="up")

    def list_names(self, prefix: str) -> set[str]:
        """Return the names of the host's links that begin with *prefix*."""
        return {name for _, name in socket.if_nameindex() if name.startswith(prefix)}

    def list_signed(self, sign: str) -> set[str]:
        """Return the names of the host's bridges that bear exactly *sign*, as their alias."""
        with _netlink("read the host's bridges") as netlink:
            return {
                each.get_attr("IFLA_IFNAME")
                for each in netlink.get_links(kind="bridge")
                if each.get_attr("IFLA_IFALIAS") == sign
            }

    def has(self, name: str) -> bool:
        """Whether the host has a link of that name."""
        return has_link(name)

    def remove(self, name: str) -> None:
        """Remove a link of the host; one that is not there is fine."""
        with _netlink(f"remove the link {name}") as netlink:
            index = _find(name)
            if index is not None:
                _tolerating(errno.ENODEV, lambda: netlink.link("del", index=index))

    def join(self, pid: int, plans: Sequence[LinkPlan], gateways: Gateways) -> None:
        """Give the network namespace of process *pid* the links of *plans*, and its way out."""
        with _translated("connect a container"):
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with _netlink("connect a container") as netlink:
                for plan in plans:
                    _make_pair(netlink, plan, namespace)
        finally:
            os.close(namespace)
        in_network_of(pid, lambda: _set_up(plans, gateways))

    def forget_udp(self, ports: frozenset[int]) -> None:
        """Have every UDP conversation with one of the host's *ports* go where the rules say now."""
        forget_udp(ports)

    def leave(self, pid: int, interface: str, gateways: Gateways) -> None:
        """Take one interface from the namespace of process *pid*, and set its way out anew."""
        in_network_of(pid, lambda: _take_down(interface, gateways))


def has_link(name: str) -> bool:
    """Whether the host has a link of that name; asked of the kernel, as /sys may be another's."""
    return _find(name) is not None


# --- On the host --------------------------------------------------------------------------------


def _set_sysctls(plan: BridgePlan) -> None:
    if plan.is_routed:
        _write_sysctl("ipv4/ip_forward", "1")
        if plan.has_ipv6:
            # A host that takes its own address from a router's word would stop doing so.
            _keep_router_advertisements()
            _write_sysctl("ipv6/conf/all/forwarding", "1")
    if plan.answers_loopback:
        _write_sysctl(f"ipv4/conf/{plan.name}/route_localnet", "1")
    if plan.has_ipv6:
        _write_sysctl(f"ipv6/conf/{plan.name}/accept_ra", "0")
        _write_sysctl(f"ipv6/conf/{plan.name}/accept_dad", "0")


def _keep_router_advertisements() -> None:
    for path in (SYSCTL / "ipv6/conf").glob("*/accept_ra"):
        with suppress(OSError):
            if path.read_text().strip() == "1":
                path.write_text("2")


def _write_sysctl(name: str, value: str) -> None:
    path = SYSCTL / name
    with suppress(FileNotFoundError):
        if path.read_text().strip() != value:
            path.write_text(value)


def _ensure_address(netlink: Any, index: int, address: str, **more: Any) -> None:
    interface = ipaddress.ip_interface(address)
    flags = IFA_F_NODAD if interface.version == 6 else 0
    _tolerating(
        errno.EEXIST,
        lambda: netlink.addr(
            "add",
            index=index,
            family=FAMILIES[interface.version],
            address=str(interface.ip),
            prefixlen=interface.network.prefixlen,
            flags=flags,
            **more,
        ),
    )


def _make_pair(netlink: Any, plan: LinkPlan, namespace: int) -> None:
    stale = _find(plan.name)
    if stale is not None:
        _tolerating(errno.ENODEV, lambda: netlink.link("del", index=stale))
    netlink.link(
        "add",
        ifname=plan.name,
        kind="veth",
        mtu=plan.mtu,
        master=_get(plan.bridge),
        state="up",
        peer={
            "ifname": plan.interface,
            "net_ns_fd": namespace,
            "address": plan.mac,
            "mtu": plan.mtu,
        },
    )
    if plan.is_isolated or plan.is_published:
        netlink.brport(
            "set",
            index=_get(plan.name),
            isolated=int(plan.is_isolated),
            mode=int(plan.is_published),
        )


def _pool_of(message: Any, but: set[int]) -> Pool | None:
    is_route = message.get_attr("RTA_TABLE") is not None
    text = message.get_attr("RTA_DST") if is_route else message.get_attr("IFA_ADDRESS")
    index = message.get_attr("RTA_OIF") if is_route else message["index"]
    length = message["dst_len"] if is_route else message["prefixlen"]
    if text is None or length == 0 or index in but:
        return None
    pool = ipaddress.ip_network(f"{text}/{length}", strict=False)
    is_special = pool.is_loopback or pool.is_link_local or pool.is_multicast
    return None if is_special else pool


# --- In a container's namespace -----------------------------------------------------------------


def _set_up(plans: Sequence[LinkPlan], gateways: Gateways) -> None:
    with _netlink("connect a container") as netlink:
        for plan in plans:
            _set_up_interface(netlink, plan)
        _set_gateways(netlink, gateways)


def _set_up_interface(netlink: Any, plan: LinkPlan) -> None:
    index = _get(plan.interface)
    has_ipv6 = any(":" in each for each in plan.addresses)
    _write_sysctl(f"ipv6/conf/{plan.interface}/disable_ipv6", "0" if has_ipv6 else IPV6_ABSENT)
    # Asking around whether somebody has the address takes a second, in which it is not usable.
    _write_sysctl(f"ipv6/conf/{plan.interface}/accept_dad", "0")
    for address in plan.addresses:
        _ensure_address(netlink, index, address)
    netlink.link("set", index=index, state="up")


def _take_down(interface: str, gateways: Gateways) -> None:
    with _netlink("disconnect a container") as netlink:
        index = _find(interface)
        if index is not None:
            _tolerating(errno.ENODEV, lambda: netlink.link("del", index=index))
        _set_gateways(netlink, gateways)


def _set_gateways(netlink: Any, gateways: Gateways) -> None:
    for version, gateway in ((4, gateways.ipv4), (6, gateways.ipv6)):
        family = FAMILIES[version]
        if gateway:
            netlink.route("replace", dst="default", gateway=gateway, family=family)
        else:
            _remove_gateways(netlink, family)


def _remove_gateways(netlink: Any, family: int) -> None:
    for route in netlink.get_default_routes(family=family, table=MAIN_TABLE):
        index, via = route.get_attr("RTA_OIF"), route.get_attr("RTA_GATEWAY")
        netlink.route("del", dst="default", gateway=via, oif=index, family=family)


# --- Netlink ------------------------------------------------------------------------------------


@contextmanager
def _netlink(doing: str) -> Iterator[Any]:
    from pyroute2 import IPRoute

    with _translated(doing), IPRoute() as netlink:
        yield netlink


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except EngineError:
        raise
    except NetlinkError as error:
        raise from_oserror(OSError(error.code, str(error)), doing) from error
    except OSError as error:
        raise from_oserror(error, doing) from error


def _find(name: str) -> int | None:
    """Return the number of a link in the network of this thread, or None."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def _get(name: str) -> int:
    index = _find(name)
    if index is None:
        raise from_oserror(OSError(errno.ENODEV, name), f"find the link {name}")
    return index


def _tolerating(number: int, act: Any) -> None:
    """Do *act*; that it was done already, which the kernel says with *number*, is fine."""
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        act()
    except NetlinkError as error:
        if error.code != number:
            raise
