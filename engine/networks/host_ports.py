"""
Ports of the host, held by a socket that is bound and never used.

The kernel sends what arrives at a published port to the container before any socket sees it. The
socket is there so that nobody else on the host gets the port, nor takes it unnoticed from somebody.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Unsupported

if TYPE_CHECKING:
    from contextlib import ExitStack

    from engine.networks.record import PublishedPort

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
# What docker falls back to, and the kernel's own default.
FIRST, LAST = 32768, 60999
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
SMALLEST_BUFFER = 1


class SocketPorts:
    """`Ports` of this very kernel."""

    def hold(self, port: PublishedPort, undo: ExitStack) -> int:
        """Take *port* until *undo* and return the descriptor."""
        held = undo.enter_context(_socket(port))
        if port.version == 6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if port.protocol == "udp":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
        _bind(held, port)
        return held.fileno()

    def ephemeral(self) -> range:
        """Return the ports from which one may be chosen that nobody asked for."""
        try:
            first, last = (int(each) for each in EPHEMERAL.read_text().split())
        except (OSError, ValueError):
            first, last = FIRST, LAST
        return range(first, last + 1)


def _bind(held: socket.socket, port: PublishedPort) -> None:
    place = (port.host_ip, port.host_port)
    try:
        held.bind(place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or port.protocol != "tcp":
            raise
        # It may be nothing but a connection that ended a moment ago; somebody who listens or holds
        # the port as we do keeps it in any case.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(place)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def _socket(port: PublishedPort) -> socket.socket:
    kind, number = KINDS[port.protocol]
    try:
        return socket.socket(FAMILIES[port.version], kind, number)
    except OSError as error:
        if error.errno in {errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT}:
            raise Unsupported(
                f"this kernel does not know {port.protocol} over IPv{port.version}", field="publish"
            ) from error
        raise
