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
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.reference import Reference

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from tests.support.images import PackedImage

_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)")
_UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]*)")
_TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")
_REFERRERS = re.compile(r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)")
EVERYWHERE = "*"


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Reply:
    """
    What to answer.

    With *drop_after* the connection breaks after so many bytes of the body; with *gate* the second
    half of the body waits for it. With *drip* so many bytes come at a time, each after *pause*; the
    headers do as well if it *drips_head*.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    gate: threading.Event | None = None
    drip: int = 0
    pause: float = 0.0
    drips_head: bool = False


class FakeRegistry:
    """Blobs, manifests by name, and whatever faults a test adds."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.received: list[Received] = []
        self.faults: list[Callable[[Received], Reply | None]] = []
        self.host = ""
        self.ranges = True
        self.holders: dict[str, set[str]] = {}
        self.uploads: dict[str, bytearray] = {}
        self.cuts: list[int] = []
        self.knows_referrers = True
        self.page = 0
        self.stopped = threading.Event()

    def reference(self, name: str) -> Reference:
        return Reference.parse(f"{self.host}/{name}")

    def put_blob(self, content: bytes, *, name: str = EVERYWHERE) -> Digest:
        digest = Digest.of(content)
        self.blobs[str(digest)] = content
        self.holders.setdefault(str(digest), set()).add(name)
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
            self.put_blob(blob, name=name)
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

    def cut(self, *lengths: int) -> None:
        """Break the next uploads, one for each of *lengths*, after so many bytes; keep those."""
        self.cuts.extend(lengths)

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
        path = received.path
        if path == "/v2/":
            return Reply(body=b"{}")
        if path == "/v2/_catalog":
            return self._listed(
                "repositories", sorted({name for name, _ in self.manifests}), received
            )
        if match := _UPLOADS.fullmatch(path):
            return self._upload(match["name"], match["session"], received)
        if match := _MANIFEST.fullmatch(path):
            if received.method == "PUT":
                return self._keep_manifest(match["name"], match["reference"], received)
            return self._manifest(match["name"], match["reference"])
        if match := _TAGS.fullmatch(path):
            return self._tags(match["name"], received)
        if match := _REFERRERS.fullmatch(path):
            return self._referrers(match["name"], match["digest"])
        if match := _BLOB.fullmatch(path):
            if not {match["name"], EVERYWHERE} & self.holders.get(match["digest"], set()):
                return _error(404, "BLOB_UNKNOWN")
            return self._blob(match["digest"], received.headers.get("range", ""))
        return _error(404, "NOT_FOUND")

    def take_cut(self, received_path: str, method: str) -> int | None:
        """Return after how many bytes this request breaks, if it does."""
        is_upload = _UPLOADS.fullmatch(received_path) and method in {"PUT", "PATCH"}
        return self.cuts.pop(0) if self.cuts and is_upload else None

    def keep_part(self, path: str, part: bytes) -> None:
        """Keep what came of a request that broke."""
        match = _UPLOADS.fullmatch(path)
        if match and match["session"] in self.uploads:
            self.uploads[match["session"]] += part

    def _upload(self, name: str, session: str, received: Received) -> Reply:
        if received.method == "POST":
            return self._begin_upload(name, received)
        if session not in self.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN")
        kept = self.uploads[session]
        if received.method == "GET":
            return Reply(204, headers=self._standing(name, session))
        start = received.headers.get("content-range", "").partition("-")[0]
        if start and int(start) != len(kept):
            return _error(416, "RANGE_INVALID")
        kept += received.body
        if received.method == "PATCH":
            return Reply(202, headers=self._standing(name, session))
        return self._finish_upload(name, session, received.query["digest"][0])

    def _begin_upload(self, name: str, received: Received) -> Reply:
        digest = received.query.get("mount", [""])[0]
        source = received.query.get("from", [""])[0]
        if source and source in self.holders.get(digest, set()):
            self.holders[digest].add(name)
            return Reply(201, headers={"Location": f"/v2/{name}/blobs/{digest}"})
        session = f"session-{len(self.received)}"
        self.uploads[session] = bytearray()
        return Reply(202, headers=self._standing(name, session))

    def _standing(self, name: str, session: str) -> dict[str, str]:
        end = max(len(self.uploads[session]) - 1, 0)
        location = f"/v2/{name}/blobs/uploads/{session}?_state={end}"
        return {"Location": location, "Range": f"0-{end}"}

    def _finish_upload(self, name: str, session: str, digest: str) -> Reply:
        content = bytes(self.uploads.pop(session))
        if str(Digest.of(content)) != digest:
            return _error(400, "DIGEST_INVALID")
        self.put_blob(content, name=name)
        return Reply(201, headers={"Docker-Content-Digest": digest})

    def _keep_manifest(self, name: str, reference: str, received: Received) -> Reply:
        document = json.loads(received.body)
        parts = [*document.get("layers", []), *filter(None, [document.get("config")])]
        for part in parts:
            if name not in self.holders.get(part["digest"], set()):
                return _error(400, "MANIFEST_BLOB_UNKNOWN")
        for child in document.get("manifests", []):
            if (name, child["digest"]) not in self.manifests and ":" in reference[:7]:
                return _error(400, "MANIFEST_UNKNOWN")
        tag = reference if ":" not in reference else str(Digest.of(received.body))
        digest = self.put_manifest(name, received.body, received.headers["content-type"], tag=tag)
        headers = {"Docker-Content-Digest": str(digest)}
        if self.knows_referrers and "subject" in document:
            headers["OCI-Subject"] = document["subject"]["digest"]
        return Reply(201, headers=headers)

    def _tags(self, name: str, received: Received) -> Reply:
        tags = sorted(tag for known, tag in self.manifests if known == name and ":" not in tag)
        if not tags:
            return _error(404, "NAME_UNKNOWN")
        return self._listed("tags", tags, received)

    def _listed(self, key: str, names: list[str], received: Received) -> Reply:
        last = received.query.get("last", [""])[0]
        rest = [each for each in names if each > last]
        page = rest[: self.page or None]
        headers = {}
        if len(page) < len(rest):
            headers["Link"] = f'<{received.path}?last={page[-1]}&n=1>; rel="next"'
        return Reply(200, json.dumps({key: page}).encode(), headers)

    def _referrers(self, name: str, digest: str) -> Reply:
        if not self.knows_referrers:
            return _error(404, "NOT_FOUND")
        found = [
            {
                "mediaType": media_type,
                "digest": reference,
                "size": len(content),
                "artifactType": json.loads(content).get("artifactType", ""),
            }
            for (known, reference), (media_type, content) in self.manifests.items()
            if known == name
            and reference.startswith("sha256:")
            and json.loads(content).get("subject", {}).get("digest") == digest
        ]
        index = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": found}
        return Reply(200, json.dumps(index).encode(), {"Content-Type": media_types.OCI_INDEX})

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


def lying_about_length(content: bytes, *, claimed: int) -> Reply:
    """Return a reply whose `Content-Length` is not the length of its body."""
    return replace(Reply(body=content), headers={"Content-Length": str(claimed)})
