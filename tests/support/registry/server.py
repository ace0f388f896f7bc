"""Serving a registry over a socket of loopback."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.support.registry.messages import Received, Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tests.support.registry.fake import FakeRegistry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ClassVar[FakeRegistry]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", "0"))
        cut = self.registry.take_cut(parts.path, self.command)
        body = self.rfile.read(length if cut is None else min(cut, length))
        if cut is not None:
            self.registry.keep_part(parts.path, body)
            self.close_connection = True
            return
        query = parse_qs(parts.query)
        received = Received(self.command, parts.path, query, headers, body)
        self._send(self.registry.answer(received))

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Stay quiet."""

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        try:
            if reply.drips_head:
                self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000, reply)
            self.end_headers()
            if self.command != "HEAD":
                self._send_body(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send_body(self, reply: Reply) -> None:
        if reply.drop_after is not None:
            self.wfile.write(reply.body[: reply.drop_after])
            self.close_connection = True
            return
        if reply.drip:
            self._drip(reply.body, reply)
            return
        half = len(reply.body) // 2 if reply.gate else len(reply.body)
        self.wfile.write(reply.body[:half])
        if reply.gate is not None:
            self.wfile.flush()
            reply.gate.wait(30)
        self.wfile.write(reply.body[half:])

    def _drip(self, content: bytes, reply: Reply) -> None:
        for start in range(0, len(content), reply.drip):
            if self.registry.stopped.wait(reply.pause):
                return
            self.wfile.write(content[start : start + reply.drip])
            self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(
    registry: FakeRegistry, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[FakeRegistry]:
    """Serve *registry* on loopback until the block ends, over *tls* if there is such."""
    handler = type("Handler", (_Handler,), {"registry": registry})
    with _Server((address, 0), handler) as server:
        registry.host = f"{address}:{server.server_address[1]}"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            registry.stopped.set()
            server.shutdown()
            thread.join()
            server.hang_up()
