"""Bringing manifests and blobs from one endpoint (distribution-spec, "Pull")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import DigestMismatch, InvalidDigest, RegistryError, Unavailable
from engine.oci import manifest as manifests
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import Index, Manifest, parse_manifest
from engine.registry.answers import Asked
from engine.registry.messages import Request, Response
from engine.registry.retry import Setbacks
from engine.registry.scopes import pull_from
from engine.registry.session import OK, PARTIAL

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine.oci.descriptor import Descriptor
    from engine.oci.reference import Reference
    from engine.registry.session import Session

ACCEPT = ", ".join(media_types.ACCEPTED)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index with the bytes that spell it; *digest* is theirs, verified."""

    digest: Digest
    content: bytes
    parsed: Manifest | Index


def fetch_manifest(session: Session, reference: Reference) -> Document:
    """Return the document that *reference* names, verified against every digest at hand."""
    return session.retried(partial(_fetch_manifest, session, reference))


def stream_blob(
    session: Session, reference: Reference, blob: Descriptor, *, offset: int
) -> Generator[bytes, None, None]:
    """
    Yield the bytes of *blob* from *offset* on, unverified, going on after a broken connection.

    It ends early where the registry says that there is no more.
    """
    setbacks = Setbacks()
    while offset < blob.size:
        session.cancellation.check()
        try:
            for chunk in _stream(session, reference, blob, offset):
                offset += len(chunk)
                yield chunk
        except Unavailable as error:
            session.wait_after(error, failures=setbacks.note(offset))
        else:
            return


def _fetch_manifest(session: Session, reference: Reference) -> Document:
    url = session.endpoint.manifest(reference.repository, reference.manifest_reference)
    asked = Asked(session.endpoint.registry, "manifest", reference.repository, reference.familiar)
    with session.answer(
        Request(url, {"accept": ACCEPT}),
        asked,
        scopes=pull_from(reference.repository),
        expected=frozenset({OK}),
    ) as response:
        content = response.read(limit=manifests.MAX_BYTES, what="the manifest")
        media_type = response.headers.get("content-type", "")
    digest = Digest.of(content)
    for expected in (reference.digest, announced(response)):
        if expected not in {None, digest}:
            raise DigestMismatch(expected=expected, actual=digest)
    return Document(digest, content, parse_manifest(content, served_as=media_type))


def _stream(
    session: Session, reference: Reference, blob: Descriptor, offset: int
) -> Iterator[bytes]:
    headers = {"range": f"bytes={offset}-"} if offset else {}
    asked = Asked(session.endpoint.registry, "blob", reference.repository)
    with session.answer(
        Request(session.endpoint.blob(reference.repository, blob.digest), headers),
        asked,
        scopes=pull_from(reference.repository),
        expected=frozenset({OK, PARTIAL}),
    ) as response:
        skip = offset - _start(response, asked, offset)
        for chunk in response.body:
            if wanted := chunk[skip:]:
                yield wanted
            skip = max(0, skip - len(chunk))


def announced(response: Response) -> Digest | None:
    """Return the digest that the registry says the content has, in the form that we know."""
    try:
        return Digest.parse(response.headers.get("docker-content-digest", ""))
    except InvalidDigest:
        return None


def _start(response: Response, asked: Asked, wanted: int) -> int:
    """Return at which byte of the blob the body starts: at *wanted* or before."""
    if response.status == OK:
        return 0
    match = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
    if match is None or int(match[1]) > wanted:
        detail = "it did not send the part of the blob that it was asked for"
        raise RegistryError(asked.registry, status=response.status, detail=detail)
    return int(match[1])
