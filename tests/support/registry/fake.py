"""Registries that hold what was put into them, and misbehave as they are told."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING

from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.reference import Reference
from tests.support.registry.messages import EVERYWHERE, Received, Reply, basic, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.images import PackedImage


_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")


_BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)")


_UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]*)")


_TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")


_REFERRERS = re.compile(r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)")


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
                return refusal(404, "BLOB_UNKNOWN")
            return self._blob(match["digest"], received.headers.get("range", ""))
        return refusal(404, "NOT_FOUND")

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
            return refusal(404, "BLOB_UPLOAD_UNKNOWN")
        kept = self.uploads[session]
        if received.method == "GET":
            return Reply(204, headers=self._standing(name, session))
        start = received.headers.get("content-range", "").partition("-")[0]
        if start and int(start) != len(kept):
            return refusal(416, "RANGE_INVALID")
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
            return refusal(400, "DIGEST_INVALID")
        self.put_blob(content, name=name)
        return Reply(201, headers={"Docker-Content-Digest": digest})

    def _keep_manifest(self, name: str, reference: str, received: Received) -> Reply:
        document = json.loads(received.body)
        parts = [*document.get("layers", []), *filter(None, [document.get("config")])]
        for part in parts:
            if name not in self.holders.get(part["digest"], set()):
                return refusal(400, "MANIFEST_BLOB_UNKNOWN")
        for child in document.get("manifests", []):
            if (name, child["digest"]) not in self.manifests and ":" in reference[:7]:
                return refusal(400, "MANIFEST_UNKNOWN")
        tag = reference if ":" not in reference else str(Digest.of(received.body))
        digest = self.put_manifest(name, received.body, received.headers["content-type"], tag=tag)
        headers = {"Docker-Content-Digest": str(digest)}
        if self.knows_referrers and "subject" in document:
            headers["OCI-Subject"] = document["subject"]["digest"]
        return Reply(201, headers=headers)

    def _tags(self, name: str, received: Received) -> Reply:
        tags = sorted(tag for known, tag in self.manifests if known == name and ":" not in tag)
        if not tags:
            return refusal(404, "NAME_UNKNOWN")
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
            return refusal(404, "NOT_FOUND")
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
            return refusal(404, "MANIFEST_UNKNOWN")
        media_type, content = self.manifests[name, reference]
        digest = str(Digest.of(content))
        return Reply(200, content, {"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _blob(self, digest: str, wanted: str) -> Reply:
        if digest not in self.blobs:
            return refusal(404, "BLOB_UNKNOWN")
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
            return refusal(401, "UNAUTHORIZED")
        if self._wanted and not received.authorization:
            return refusal(401, "UNAUTHORIZED")
        return Reply(body=json.dumps({"token": self.token}).encode())
