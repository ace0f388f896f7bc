"""
Conversations that the kernel remembers.

What it decided about the first packet of a UDP conversation holds for all that follow, as long as
they keep coming: also when the published port leads to another container by now, or to none.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from engine.errors import from_oserror

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILIES = {
    socket.AF_INET: ("CTA_IP_V4_SRC", "CTA_IP_V4_DST"),
    socket.AF_INET6: ("CTA_IP_V6_SRC", "CTA_IP_V6_DST"),
}


def forget_udp(ports: frozenset[int]) -> None:
    """Have the kernel decide anew about every UDP conversation with one of the host's *ports*."""
    from pyroute2 import NFCTSocket
    from pyroute2.netlink.exceptions import NetlinkError

    for family in FAMILIES:
        try:
            with NFCTSocket(nfgen_family=family) as table:
                for flow in list(_flows(table, family, ports)):
                    _forget(table, flow)
        except NetlinkError as error:
            raise from_oserror(OSError(error.code, str(error)), "forget UDP flows") from error


def _flows(table: Any, family: socket.AddressFamily, ports: frozenset[int]) -> Iterator[Any]:
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

    source, target = FAMILIES[family]
    for message in table.dump():
        told = message.get_attr("CTA_TUPLE_ORIG")
        addresses, protocol = told.get_attr("CTA_TUPLE_IP"), told.get_attr("CTA_TUPLE_PROTO")
        number = protocol.get_attr("CTA_PROTO_NUM")
        port = protocol.get_attr("CTA_PROTO_DST_PORT")
        if number == socket.IPPROTO_UDP and port in ports and addresses.get_attr(source):
            yield NFCTAttrTuple(
                family=family,
                saddr=addresses.get_attr(source),
                daddr=addresses.get_attr(target),
                proto=number,
                sport=protocol.get_attr("CTA_PROTO_SRC_PORT"),
                dport=port,
            )


def _forget(table: Any, flow: Any) -> None:
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        table.entry("del", tuple_orig=flow)
    except NetlinkError as error:
        # It may have ended by itself meanwhile.
        if error.code != errno.ENOENT:
            raise
