"""
Taking a connection over: after its head, an answer is a raw stream in both directions.

Clients ask for it with `Upgrade: tcp`, or expect it of these routes anyway: 101 or 200. What the
client sends is read only as fast as it is taken; the client may end its half and still listen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.connection import Connection, drop_when_gone

if TYPE_CHECKING:
    from engine.dockerapi.call import Call

HELD = 256 * 1024


class Wire(asyncio.Protocol):
    """The raw connection: `read` until it is empty, `write` and wait until it is taken."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._chunks: list[bytes] = []
        self._held = 0
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_paused = False
        self._has_ended = False
        self.is_lost = False

    async def read(self) -> bytes:
        """Return what the client sent, empty when it will send nothing more."""
        while not self._chunks:
            if self._has_ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        content = b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._is_paused and not self.is_lost:
            self._is_paused = False
            self.transport.resume_reading()
        return content

    async def write(self, content: bytes) -> None:
        """Send *content*; raise `ConnectionResetError` when the client is gone."""
        if self.is_lost:
            raise ConnectionResetError
        self.transport.write(content)
        await self._writable.wait()

    # --- What the event loop tells ------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Keep *data*, and read no more while nobody takes it."""
        self._chunks.append(data)
        self._held += len(data)
        self._arrived.set()
        if self._held >= HELD and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what came behind the request, before the connection was taken over."""
        self.data_received(data)
        return False, b""

    def eof_received(self) -> bool:
        """Note that the client sends no more; it may still listen."""
        self._has_ended = True
        self._arrived.set()
        drop_when_gone(self.transport)
        return True

    def feed_eof(self) -> None:
        """Note that the client sends no more."""
        self.eof_received()

    def pause_writing(self) -> None:
        """Let whoever writes wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let whoever waits write."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client is gone."""
        del exc
        self.is_lost = True
        self._has_ended = True
        self._arrived.set()
        self._writable.set()


class Hijacked(web.StreamResponse):
    """What a handler returns that has spoken for itself: nothing more is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send no head: it was sent."""
        del request

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end: the connection ends."""
        del data


async def hijack(call: Call, content_type: str) -> Wire:
    """
    Send the head of the answer to *call* and return the connection as it is then.

    `release` gives it back, whatever happened.
    """
    request = call.request
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    wire = Wire(transport)
    protocol = request.protocol
    # Hands over what came with the request, and takes whatever comes until the protocol is ours.
    protocol.set_parser(wire)  # type: ignore[arg-type]
    transport.set_protocol(wire)
    if isinstance(protocol, Connection) and protocol.has_ended:
        wire.eof_received()
    transport.write(_head(request, content_type))
    return wire


def release(call: Call, wire: Wire) -> Hijacked:
    """Give the connection back to be closed, and return what the handler is to return."""
    protocol = call.request.protocol
    if wire.is_lost:
        asyncio.get_running_loop().call_soon(protocol.connection_lost, None)
    else:
        wire.transport.set_protocol(protocol)
    return Hijacked()


def _head(request: web.BaseRequest, content_type: str) -> bytes:
    if request.headers.get("Upgrade", "").lower() == "tcp":
        lines = [
            "HTTP/1.1 101 UPGRADED",
            f"Content-Type: {content_type}",
            "Connection: Upgrade",
            "Upgrade: tcp",
        ]
    else:
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
