"""
Asking a registry for images, and giving it some (distribution-spec).

A client belongs to one piece of work of one person with one registry: it holds their credentials,
the tokens it got for them and their wish to stop. Manifests come back verified against what the
reference and the registry say of them; a blob comes as a stream that goes on by itself after the
connection broke, to be verified by whoever stores it. What is read is looked for at the mirrors of
the registry first; they are no authority, so whatever goes wrong there leads to the next place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.content.verify import verified
from engine.errors import (
    EngineError,
    InvalidManifest,
    LimitExceeded,
    NoMatchingPlatform,
    SizeMismatch,
)
from engine.oci.manifest import Index, Manifest, parse_manifest
from engine.oci.platform import Platform, best_match, host_platform
from engine.progress import NEVER
from engine.registry import fetching, listing, uploading
from engine.registry.answers import Asked
from engine.registry.fetching import Document
from engine.registry.messages import Request
from engine.registry.retry import Patience
from engine.registry.scopes import NO_SCOPES
from engine.registry.session import OK, Session
from engine.registry.urls import Endpoint, Reach
from engine.registry.wallet import Wallet

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import Digest
    from engine.oci.reference import Reference
    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials
    from engine.registry.listing import SearchResult
    from engine.registry.messages import Response
    from engine.registry.ratelimit import RateLimit
    from engine.registry.transport import Transport
    from engine.registry.uploading import BlobContent

T = TypeVar("T")


def nothing_known(_: Digest) -> bytes | None:
    """Return None: of no digest the content is known."""
    return None


Known = Callable[["Digest"], "bytes | None"]
"""Returns the content of a digest, verified, where it is here already."""


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


@dataclass(frozen=True, slots=True)
class Mirror:
    """Another place that has what the registry has, and what it is shown."""

    endpoint: Endpoint
    credentials: Credentials | None = None


class RegistryClient:
    """One person's work with the registry of the references that are asked for."""

    def __init__(
        self,
        transport: Transport,
        registry: str,
        *,
        reach: Reach | None = None,
        credentials: Credentials | None = None,
        mirrors: Sequence[Mirror] = (),
        patience: Patience | None = None,
        cancellation: Cancellation = NEVER,
    ) -> None:
        reach = reach or Reach()

        def session(each: Mirror, patience: Patience) -> Session:
            wallet = Wallet(each.endpoint.registry, each.credentials, reach, endpoint=each.endpoint)
            return Session(transport, each.endpoint, wallet, patience, cancellation)

        home = Mirror(Endpoint.of(registry, reach), credentials)
        self._home = session(home, patience or Patience())
        # Where there are other places to ask, none is waited for.
        self._mirrors = [session(each, Patience(attempts=1)) for each in mirrors]
        self._cancellation = cancellation

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the registry said last about how much may still be asked, if it did."""
        return self._home.rate_limit

    # --- Reading ------------------------------------------------------------------------------

    def resolve(
        self,
        reference: Reference,
        platform: Platform | None = None,
        *,
        known: Known = nothing_known,
    ) -> ResolvedManifest:
        """
        Return the manifest that *reference* leads to on *platform*, this host's by default.

        What *reference* names is always asked of the registry; of what lies below it, what is
        *known* here is not asked again.
        Raises `ImageNotFound`, `NoMatchingPlatform`, `InvalidManifest`, an `IntegrityError`, or
        what keeps the registry from answering.
        """
        top = self.fetch_manifest(reference)
        if isinstance(top.parsed, Manifest):
            return ResolvedManifest(reference, top.digest, top.parsed, top.digest, (top.content,))
        chosen = choose_manifest(top.parsed, platform or host_platform())
        below = self._below(reference, chosen, known)
        if not isinstance(below.parsed, Manifest):
            raise InvalidManifest("its index leads to another index")
        documents = (top.content, below.content)
        return ResolvedManifest(reference, top.digest, below.parsed, below.digest, documents)

    def fetch_manifest(self, reference: Reference) -> Document:
        """Return the document that *reference* names, verified against every digest at hand."""
        return self._from_any(lambda session: fetching.fetch_manifest(session, reference))

    def fetch_document(self, reference: Reference, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, verified; raise `LimitExceeded` if it is over *limit* bytes."""
        if descriptor.size > limit:
            what = f"the size of {descriptor.digest}"
            raise LimitExceeded(what, limit=limit, field="reference")

        def fetch(session: Session) -> bytes:
            chunks = fetching.stream_blob(session, reference, descriptor, offset=0)
            return b"".join(verified(chunks, digest=descriptor.digest, size=descriptor.size))

        return self._from_any(fetch)

    def fetch_blob(
        self, reference: Reference, descriptor: Descriptor, *, offset: int = 0
    ) -> Generator[bytes, None, None]:
        """
        Yield the bytes of a blob from *offset* on, unverified, going on after a broken connection.

        It ends early where the registry says that there is no more. Close it, or read it to its
        end, to give the connection back.
        """
        for mirror in list(self._mirrors):
            try:
                for chunk in fetching.stream_blob(mirror, reference, descriptor, offset=offset):
                    offset += len(chunk)
                    yield chunk
            except EngineError as error:
                self._pass_over(mirror, error)
        yield from fetching.stream_blob(self._home, reference, descriptor, offset=offset)

    def list_tags(self, reference: Reference) -> list[str]:
        """Return the tags of the repository of *reference*; raise `ImageNotFound`."""
        name = reference.familiar_name
        return listing.list_tags(self._home, reference.repository, name=name)

    def list_repositories(self) -> list[str]:
        """Return the repositories that the registry has and shows to who asks."""
        return listing.list_repositories(self._home)

    def list_referrers(
        self, reference: Reference, digest: Digest, *, artifact_type: str = ""
    ) -> list[Descriptor]:
        """Return what refers to the manifest *digest* in the repository of *reference*."""
        return listing.list_referrers(self._home, reference, digest, artifact_type=artifact_type)

    def search(self, term: str, *, limit: int) -> list[SearchResult]:
        """Return at most *limit* repositories that *term* finds."""
        return listing.search(self._home, term, limit=limit)

    def check(self) -> None:
        """Return if the registry answers and takes the credentials; raise what it says if not."""
        registry = self._home.endpoint.registry
        request = Request(self._home.endpoint.root, {})
        with self._home.answer(
            request, Asked(registry, "answer"), scopes=NO_SCOPES, expected=frozenset({OK})
        ):
            return

    # --- Writing ------------------------------------------------------------------------------

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Return whether the repository of *reference*, to be written to, has *blob* already."""
        return uploading.has_blob(self._home, reference.repository, blob)

    def push_blob(
        self,
        reference: Reference,
        blob: Descriptor,
        content: BlobContent,
        *,
        mount_from: Sequence[str] = (),
        moved: Callable[[int], None] = lambda _: None,
    ) -> str:
        """Bring *blob* into the repository of *reference*; see `uploading.push_blob`."""
        return uploading.push_blob(
            self._home, reference.repository, blob, content, mount_from=mount_from, moved=moved
        )

    def push_manifest(self, reference: Reference, content: bytes, *, media_type: str) -> Response:
        """Put a manifest or index under the name that *reference* is; what it lists is there."""
        return uploading.push_manifest(
            self._home,
            reference.repository,
            reference.manifest_reference,
            content,
            media_type=media_type,
        )

    def _below(self, reference: Reference, chosen: Descriptor, known: Known) -> Document:
        content = known(chosen.digest)
        if content is None:
            below = self.fetch_manifest(reference.with_digest(chosen.digest))
        else:
            below = Document(chosen.digest, content, parse_manifest(content))
        if len(below.content) != chosen.size:
            raise SizeMismatch(expected=chosen.size, actual=len(below.content))
        return below

    def _from_any(self, call: Callable[[Session], T]) -> T:
        for mirror in list(self._mirrors):
            try:
                return call(mirror)
            except EngineError as error:
                self._pass_over(mirror, error)
        return call(self._home)

    def _pass_over(self, mirror: Session, error: EngineError) -> None:
        """Ask *mirror* no more if it cannot answer; what it merely does not have says nothing."""
        if error.retryable and mirror in self._mirrors:
            self._mirrors.remove(mirror)


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
