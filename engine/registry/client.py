"""
Asking a registry for manifests and blobs (distribution-spec, "Pull").

A client belongs to one piece of work of one person with one registry: it holds their credentials,
the tokens it got for them and their wish to stop. Manifests come back verified against what the
reference and the registry say of them; a blob comes as a stream that goes on by itself after the
connection broke, to be verified by whoever stores it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.content.verify import verified
from engine.errors import (
    DigestMismatch,
    InvalidDigest,
    InvalidManifest,
    LimitExceeded,
    NoMatchingPlatform,
    RegistryError,
    SizeMismatch,
    Unavailable,
)
from engine.oci import manifest as manifests
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import Index, Manifest, parse_manifest
from engine.oci.platform import Platform, best_match, host_platform
from engine.progress import NEVER
from engine.registry.answers import failure
from engine.registry.auth import Wallet, authorised
from engine.registry.messages import Request, Response
from engine.registry.retry import Patience, retried, wait_after
from engine.registry.urls import Reach, blob_url, manifest_url

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine.oci.descriptor import Descriptor
    from engine.oci.reference import Reference
    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials
    from engine.registry.messages import Flow
    from engine.registry.transport import Transport

OK = 200
PARTIAL = 206
ACCEPT = ", ".join(media_types.ACCEPTED)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index with the bytes that spell it; *digest* is theirs, verified."""

    digest: Digest
    content: bytes
    parsed: Manifest | Index


@dataclass(frozen=True, slots=True)
class ResolvedManifest:
    """
    What a reference leads to for one platform.

    *digest* is what the reference itself names, which is an index where the image is offered for
    several platforms; *documents* holds every document on the way, the manifest last.
    """

    reference: Reference
    digest: Digest
    manifest: Manifest
    manifest_digest: Digest
    documents: tuple[bytes, ...]


class RegistryClient:
    """One person's work with the registry of the references that are asked for."""

    def __init__(
        self,
        transport: Transport,
        registry: str,
        *,
        reach: Reach | None = None,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
        cancellation: Cancellation = NEVER,
    ) -> None:
        self._transport = transport
        self._reach = reach or Reach()
        self._wallet = Wallet(registry, credentials, self._reach)
        self._patience = patience or Patience()
        self._cancellation = cancellation

    def resolve(self, reference: Reference, platform: Platform | None = None) -> ResolvedManifest:
        """
        Return the manifest that *reference* leads to on *platform*, this host's by default.

        Raises `ImageNotFound`, `NoMatchingPlatform`, `InvalidManifest`, an `IntegrityError`, or
        what keeps the registry from answering.
        """
        top = self.fetch_manifest(reference)
        if isinstance(top.parsed, Manifest):
            return ResolvedManifest(reference, top.digest, top.parsed, top.digest, (top.content,))
        chosen = choose_manifest(top.parsed, platform or host_platform())
        below = self.fetch_manifest(reference.with_digest(chosen.digest))
        if len(below.content) != chosen.size:
            raise SizeMismatch(expected=chosen.size, actual=len(below.content))
        if not isinstance(below.parsed, Manifest):
            raise InvalidManifest("its index leads to another index")
        documents = (top.content, below.content)
        return ResolvedManifest(reference, top.digest, below.parsed, below.digest, documents)

    def fetch_manifest(self, reference: Reference) -> Document:
        """Return the document that *reference* names, verified against every digest at hand."""
        return self._retried(partial(self._fetch_manifest, reference))

    def fetch_document(self, reference: Reference, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, verified; raise `LimitExceeded` if it is over *limit* bytes."""
        if descriptor.size > limit:
            what = f"the size of {descriptor.digest}"
            raise LimitExceeded(what, limit=limit, field="reference")
        chunks = self.fetch_blob(reference, descriptor)
        return b"".join(verified(chunks, digest=descriptor.digest, size=descriptor.size))

    def fetch_blob(
        self, reference: Reference, descriptor: Descriptor, *, offset: int = 0
    ) -> Generator[bytes, None, None]:
        """
        Yield the bytes of a blob from *offset* on, unverified, going on after a broken connection.

        It ends early where the registry says that there is no more. Close it, or read it to its
        end, to give the connection back.
        """
        failures = 0
        while offset < descriptor.size:
            self._cancellation.check()
            try:
                for chunk in self._stream(reference, descriptor, offset):
                    offset += len(chunk)
                    failures = 0
                    yield chunk
            except Unavailable as error:
                failures += 1
                self._wait_after(error, failures)
            else:
                return

    def _fetch_manifest(self, reference: Reference) -> Document:
        request = Request(manifest_url(reference, self._reach), {"accept": ACCEPT})
        with self._answer(request, reference, what="manifest") as response:
            content = response.read(limit=manifests.MAX_BYTES, what="the manifest")
            media_type = response.headers.get("content-type", "")
        digest = Digest.of(content)
        for expected in (reference.digest, _announced(response)):
            if expected not in {None, digest}:
                raise DigestMismatch(expected=expected, actual=digest)
        return Document(digest, content, parse_manifest(content, served_as=media_type))

    def _stream(self, reference: Reference, descriptor: Descriptor, offset: int) -> Iterator[bytes]:
        headers = {"range": f"bytes={offset}-"} if offset else {}
        request = Request(blob_url(reference, descriptor.digest, self._reach), headers)
        with self._answer(request, reference, what="blob") as response:
            skip = offset - _start(response, reference, offset)
            for chunk in response.body:
                if wanted := chunk[skip:]:
                    yield wanted
                skip = max(0, skip - len(chunk))

    @contextmanager
    def _answer(self, request: Request, reference: Reference, *, what: str) -> Iterator[Response]:
        flow = authorised(request, repository=reference.repository, wallet=self._wallet)
        with converse(flow, self._transport) as response:
            if response.status not in {OK, PARTIAL}:
                raise failure(response, reference, what=what)
            yield response

    def _retried(self, call: partial[Document]) -> Document:
        return retried(call, patience=self._patience, cancellation=self._cancellation)

    def _wait_after(self, error: Unavailable, failures: int) -> None:
        wait_after(
            error, failures=failures, patience=self._patience, cancellation=self._cancellation
        )


@contextmanager
def converse(flow: Flow, transport: Transport) -> Iterator[Response]:
    """Carry the requests of *flow* over *transport* and open the response it settles on."""
    request = next(flow)
    while True:
        with transport.send(request) as response:
            step = _advanced(flow, response)
            if isinstance(step, Response):
                yield step
                return
            request = step


def choose_manifest(index: Index, platform: Platform) -> Descriptor:
    """
    Return the manifest of *index* that suits *platform* best; raise `NoMatchingPlatform`.

    The only manifest of an index that names no platform at all suits everybody.
    """
    offered = [
        (each, each.platform)
        for each in index.manifests
        if each.platform and each.platform.os != "unknown"
    ]
    best = best_match(platform, [theirs for _, theirs in offered])
    if best is not None:
        return offered[best][0]
    if len(index.manifests) == 1 and index.manifests[0].platform is None:
        return index.manifests[0]
    raise NoMatchingPlatform(str(platform), offered=tuple(str(theirs) for _, theirs in offered))


def _advanced(flow: Flow, response: Response) -> Request | Response:
    try:
        return flow.send(response)
    except StopIteration as end:
        final: Response = end.value
        return final


def _announced(response: Response) -> Digest | None:
    """Return the digest that the registry says the content has, in the form that we know."""
    try:
        return Digest.parse(response.headers.get("docker-content-digest", ""))
    except InvalidDigest:
        return None


def _start(response: Response, reference: Reference, wanted: int) -> int:
    """Return at which byte of the blob the body starts: at *wanted* or before."""
    if response.status == OK:
        return 0
    match = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
    if match is None or int(match[1]) > wanted:
        detail = "it did not send the part of the blob that it was asked for"
        raise RegistryError(reference.registry, status=response.status, detail=detail)
    return int(match[1])
