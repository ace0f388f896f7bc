"""What a copy consists of: every document below a reference, and the blobs they name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidManifest, LimitExceeded, NoMatchingPlatform, SizeMismatch
from engine.oci.digest import Digest
from engine.oci.manifest import Index, Manifest, parse_manifest
from engine.oci.platform import best_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.oci.descriptor import Descriptor
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation
    from engine.registry.client import RegistryClient
    from engine.registry.fetching import Document

MAX_DEPTH = 4
FETCHES = 8
MAX_DOCUMENT_BYTES = 64 << 20
# Under this annotation builders name the manifest that an attestation is about.
ABOUT = "vnd.docker.reference.digest"


@dataclass(frozen=True, slots=True)
class CopiedDocument:
    """A manifest or index to be put at the target, and what it refers to if it is no image."""

    digest: Digest
    content: bytes
    media_type: str
    parsed: Manifest | Index
    subject: Digest | None = None

    @property
    def is_image(self) -> bool:
        """Whether it depends on no other document."""
        return isinstance(self.parsed, Manifest) and self.subject is None


@dataclass
class Collected:
    """Documents, each after those it lists, and the blobs they name; each once."""

    documents: list[CopiedDocument] = field(default_factory=list)
    blobs: list[Descriptor] = field(default_factory=list)


class Collector:
    """Reads the documents of one copy; all of them together are bounded."""

    def __init__(
        self, client: RegistryClient, reference: Reference, cancellation: Cancellation
    ) -> None:
        self._client = client
        self._reference = reference
        self._cancellation = cancellation
        self._seen: set[Digest] = set()
        self._bytes = 0

    def collect(self, top: CopiedDocument) -> Collected:
        """Return what has to be at the target before *top* can be put there."""
        collected = Collected()
        self._count(top)
        self._add_below(top, collected, depth=0)
        return collected

    def collect_referrers(self) -> Collected:
        """Return what refers to the documents that were collected, and to that in turn."""
        found = Collected()
        subjects = list(self._seen)
        for depth in range(MAX_DEPTH):
            subjects = [
                digest
                for subject in subjects
                for digest in self._add(
                    self._client.list_referrers(self._reference, subject), found, depth=depth
                )
            ]
        return found

    def _add_below(self, document: CopiedDocument, collected: Collected, *, depth: int) -> None:
        if isinstance(document.parsed, Manifest):
            _add_blobs(document.parsed, collected)
            return
        if depth == MAX_DEPTH:
            raise InvalidManifest(f"indexes are nested more than {MAX_DEPTH} deep")
        self._add(document.parsed.manifests, collected, depth=depth + 1)

    def _add(
        self, children: Sequence[Descriptor], collected: Collected, *, depth: int
    ) -> list[Digest]:
        """Add *children*, each after all that is below it; returns those that were not yet."""
        wanted = {each.digest: each for each in children if each.digest not in self._seen}
        ahead = list(wanted.values())
        with ThreadPoolExecutor(FETCHES, "manifest") as pool:
            # A few at a time: each may be large, and their sum is only known when they are here.
            for start in range(0, len(ahead), FETCHES):
                for document in pool.map(self._fetch, ahead[start : start + FETCHES]):
                    self._take(document, collected, depth=depth)
        return list(wanted)

    def _take(self, document: CopiedDocument, collected: Collected, *, depth: int) -> None:
        if document.digest in self._seen:  # what came before it in the list leads to it as well
            return
        self._count(document)
        self._add_below(document, collected, depth=depth)
        collected.documents.append(document)

    def _fetch(self, child: Descriptor) -> CopiedDocument:
        self._cancellation.check()
        reference = self._reference.with_digest(child.digest)
        document = _document(self._client.fetch_manifest(reference))
        if len(document.content) != child.size:
            raise SizeMismatch(expected=child.size, actual=len(document.content))
        return document

    def _count(self, document: CopiedDocument) -> None:
        self._seen.add(document.digest)
        self._bytes += len(document.content)
        if self._bytes > MAX_DOCUMENT_BYTES:
            what = "the size of all manifests of the image"
            raise LimitExceeded(what, limit=MAX_DOCUMENT_BYTES, field="reference")


def select_platforms(
    client: RegistryClient, reference: Reference, platforms: Sequence[Platform]
) -> CopiedDocument:
    """
    Return what *reference* names, or as much of it as is for *platforms*, all where none is named.

    Raises `NoMatchingPlatform` for one that is not offered.
    """
    top = _document(client.fetch_manifest(reference))
    if not platforms or not isinstance(top.parsed, Index):
        return top
    chosen = [_chosen(top.parsed, each) for each in platforms]
    if len(chosen) == 1:
        return _document(client.fetch_manifest(reference.with_digest(chosen[0].digest)))
    return _only(top, frozenset(str(each.digest) for each in chosen))


def _chosen(index: Index, platform: Platform) -> Descriptor:
    offered = [(each, each.platform) for each in index.manifests if each.platform is not None]
    best = best_match(platform, [theirs for _, theirs in offered])
    if best is None:
        names = tuple(str(each) for each in index.platforms)
        raise NoMatchingPlatform(str(platform), offered=names)
    return offered[best][0]


def _only(top: CopiedDocument, digests: frozenset[str]) -> CopiedDocument:
    """Return the index *top* with only the manifests *digests*, and what is about them."""
    document: dict[str, Any] = json.loads(top.content)
    document["manifests"] = [
        each
        for each in document["manifests"]
        if {each["digest"], (each.get("annotations") or {}).get(ABOUT)} & digests
    ]
    content = json.dumps(document, separators=(",", ":")).encode()
    parsed = parse_manifest(content, served_as=top.media_type)
    return CopiedDocument(Digest.of(content), content, top.media_type, parsed)


def _document(fetched: Document) -> CopiedDocument:
    return CopiedDocument(
        fetched.digest,
        fetched.content,
        fetched.parsed.media_type,
        fetched.parsed,
        fetched.parsed.subject,
    )


def _add_blobs(manifest: Manifest, collected: Collected) -> None:
    known = {each.digest for each in collected.blobs}
    for blob in _blobs(manifest):
        if blob.digest not in known:
            known.add(blob.digest)
            collected.blobs.append(blob)


def _blobs(manifest: Manifest) -> Iterator[Descriptor]:
    yield from manifest.layers
    yield manifest.config
