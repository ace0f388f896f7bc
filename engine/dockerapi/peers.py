"""Who is at the other end of a connection."""

from __future__ import annotations

import pwd
import socket
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    import asyncio

CLIENT = "docker CLI"
STRANGER = "shipshape"
"""The user of the web processes: in the group of the socket, and with no right to it."""

_CREDENTIALS = struct.Struct("3i")


def owner_of(transport: asyncio.Transport | None) -> str:
    """
    Return to whom belongs what the client at *transport* makes: its local user, if one is known.

    Raises `Refusal` (403) for the user that serves the dashboard: whoever breaks into a web process
    must not become root by asking here.
    """
    peer = transport.get_extra_info("socket") if transport else None
    if peer is not None and peer.family == socket.AF_UNIX:
        name = _user_of(peer)
    else:
        name = _certificate_name(transport)
    if name == STRANGER:
        raise Refusal(403, "the web processes of the dashboard may not use the engine")
    return f"{CLIENT} ({name})" if name else CLIENT


def _user_of(peer: socket.socket) -> str:
    content = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _user_name(_CREDENTIALS.unpack(content)[1])


@lru_cache(maxsize=64)
def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _certificate_name(transport: asyncio.Transport | None) -> str:
    certificate = transport.get_extra_info("peercert") if transport else None
    subject = (certificate or {}).get("subject", ())
    names = [value for part in subject for key, value in part if key == "commonName"]
    return names[0] if names else ""
