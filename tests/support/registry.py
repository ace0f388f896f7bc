"""
A small registry in this process that can be told to misbehave.

It serves what was put into it over plain http on loopback and records what it was asked. Faults are
looked at before anything else: each is a function that may answer a request in the registry's
place, so a test says exactly which request goes wrong and how.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.images import PackedImage

_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)")


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Reply:
    """
    What to answer.

    With *drop_after* the connection breaks after so many bytes of the body; with *gate* the second
    half of the body waits for it.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    gate: threading.Event | None = None


class FakeRegistry:
    """Blobs, manifests by name, and whatever faults a test adds."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.received: list[Received] = []
        self.faults: list[Callable[[Received], Reply | None]] = []
        self.host = ""
        self.ranges = True

    def reference(self, name: str) -> Reference:
        return Reference.parse(f"{self.host}/{name}")

    def put_blob(self, content: bytes) -> Digest:
        digest = Digest.of(content)
        self.blobs[str(digest)] = content
        return digest

    def put_manifest(
        self, name: str, content: bytes, media_type: str, *, tag: str = "latest"
    ) -> Digest:
        digest = Digest.of(content)
        for reference in (tag, str(digest)):
            self.manifests[name, reference] = (media_type, content)
        return digest

    def put_image(self, name: str, image: PackedImage, *, tag: str = "latest") -> Reference:
        for blob in (image.config, *image.layers):
            self.put_blob(blob)
        self.put_manifest(name, image.manifest, image.media_type, tag=tag)
        return self.reference(f"{name}:{tag}")

    def put_index(
        self, name: str, content: bytes, *images: PackedImage, tag: str = "latest"
    ) -> Reference:
        for image in images:
            self.put_image(name, image, tag=image.digest.hex)
        self.put_manifest(name, content, media_types.OCI_INDEX, tag=tag)
        return self.reference(f"{name}:{tag}")

    def fail(self, part: str, *replies: Reply) -> None:
        """Answer the next requests whose path contains *part* with *replies*, one for each."""
        waiting = list(replies)

        def fault(received: Received) -> Reply | None:
            return waiting.pop(0) if part in received.path and waiting else None

        self.faults.append(fault)

    def always(self, part: str, reply: Reply) -> None:
        """Answer every request whose path contains *part* with *reply*."""
        self.faults.append(lambda received: reply if part in received.path else None)

    def drop(self, digest: Digest, *, after: int) -> None:
        """Break the connection once, *after* bytes into the blob."""
        content = self.blobs[str(digest)]
        self.fail(f"/blobs/{digest}", Reply(body=content, drop_after=after))

    def require_basic(self, username: str, password: str) -> None:
        """Let nobody in who does not show these credentials."""
        wanted = basic(username, password)
        challenge = Reply(401, headers={"WWW-Authenticate": 'Basic realm="fake"'})
        self.faults.append(lambda received: None if received.authorization == wanted else challenge)

    def require_token(self, tokens: TokenServer, *, realm: str = "") -> None:
        """Let nobody in without the token that *tokens* hands out."""
        scope = "repository:any:pull"
        challenge = f'Bearer realm="{realm or tokens.url}",service="fake",scope="{scope}"'
        refusal = Reply(401, headers={"WWW-Authenticate": challenge})
        wanted = f"Bearer {tokens.token}"
        self.faults.append(lambda received: None if received.authorization == wanted else refusal)

    def requests_for(self, part: str) -> list[Received]:
        return [each for each in self.received if part in each.path]

    def answer(self, received: Received) -> Reply:
        self.received.append(received)
        for fault in self.faults:
            reply = fault(received)
            if reply is not None:
                return reply
        return self._served(received)

    def _served(self, received: Received) -> Reply:
        if received.path == "/v2/":
            return Reply(body=b"{}")
        if match := _MANIFEST.fullmatch(received.path):
            return self._manifest(match["name"], match["reference"])
        if match := _BLOB.fullmatch(received.path):
            return self._blob(match["digest"], received.headers.get("range", ""))
        return _error(404, "NOT_FOUND")

    def _manifest(self, name: str, reference: str) -> Reply:
        if (name, reference) not in self.manifests:
            return _error(404, "MANIFEST_UNKNOWN")
        media_type, content = self.manifests[name, reference]
        digest = str(Digest.of(content))
        return Reply(200, content, {"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _blob(self, digest: str, wanted: str) -> Reply:
        if digest not in self.blobs:
            return _error(404, "BLOB_UNKNOWN")
        content = self.blobs[digest]
        if not wanted or not self.ranges:
            return Reply(200, content)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        extent = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Reply(206, content[start:], {"Content-Range": extent})


class TokenServer(FakeRegistry):
    """Hands out one token, to anybody or to who shows the right credentials."""

    token = "a-token-of-the-token-server"

    def __init__(self, username: str = "", password: str = "") -> None:
        super().__init__()
        self._wanted = basic(username, password) if username else ""

    @property
    def url(self) -> str:
        return f"http://{self.host}/token"

    def _served(self, received: Received) -> Reply:
        if received.path != "/token" or received.authorization not in {self._wanted, ""}:
            return _error(401, "UNAUTHORIZED")
        if self._wanted and not received.authorization:
            return _error(401, "UNAUTHORIZED")
        return Reply(body=json.dumps({"token": self.token}).encode())


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _error(status: int, code: str) -> Reply:
    body = {"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ClassVar[FakeRegistry]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, parts.path, parse_qs(parts.query), headers)
        self._send(self.registry.answer(received))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Stay quiet."""

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self._send_body(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send_body(self, reply: Reply) -> None:
        if reply.drop_after is not None:
            self.wfile.write(reply.body[: reply.drop_after])
            self.close_connection = True
            return
        half = len(reply.body) // 2 if reply.gate else len(reply.body)
        self.wfile.write(reply.body[:half])
        if reply.gate is not None:
            self.wfile.flush()
            reply.gate.wait(30)
        self.wfile.write(reply.body[half:])


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True


@contextmanager
def serving(registry: FakeRegistry, *, address: str = "127.0.0.1") -> Iterator[FakeRegistry]:
    """
    Serve *registry* on loopback until the block ends.

    Close the clients first: the server waits for connections that are kept open.
    """
    handler = type("Handler", (_Handler,), {"registry": registry})
    with _Server((address, 0), handler) as server:
        registry.host = f"{address}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()


def lying_about_length(content: bytes, *, claimed: int) -> Reply:
    """Return a reply whose `Content-Length` is not the length of its body."""
    return replace(Reply(body=content), headers={"Content-Length": str(claimed)})
