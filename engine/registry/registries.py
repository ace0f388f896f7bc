"""The verbs of registries, as the engine offers them: looking without bringing anything here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.oci import config as configs
from engine.oci.config import ImageConfig
from engine.oci.descriptor import Descriptor
from engine.oci.manifest import Index, Manifest
from engine.oci.media_types import CONFIGS
from engine.oci.reference import DEFAULT_REGISTRY, Reference
from engine.progress import NEVER

if TYPE_CHECKING:
    from engine.oci.platform import Platform
    from engine.progress import Cancellation
    from engine.registry.client import RegistryClient
    from engine.registry.credentials import Credentials
    from engine.registry.fetching import Document
    from engine.registry.listing import SearchResult

FOUND = 25


class Connect(Protocol):
    """Makes a client for one piece of work with one registry."""

    def __call__(
        self, registry: str, *, credentials: Credentials | None, cancellation: Cancellation
    ) -> RegistryClient:
        """Return a client for *registry*; nothing is asked of it yet."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a reference is at its registry: a manifest or index, and the platforms it is for."""

    reference: Reference
    descriptor: Descriptor
    platforms: tuple[Platform, ...]


class Registries:
    """
    What registries have.

    A *registry* is written `host` or `host:port`. Every verb raises a kind of `Denied` or
    `Unavailable` where the registry does not answer what it is asked.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def check(self, registry: str, *, credentials: Credentials | None = None) -> None:
        """Return if *registry* answers and takes *credentials*; what a login needs to know."""
        self._client(registry, credentials).check()

    def search(
        self,
        term: str,
        *,
        registry: str = DEFAULT_REGISTRY,
        limit: int = FOUND,
        credentials: Credentials | None = None,
    ) -> list[SearchResult]:
        """Return the repositories of *registry* that *term* finds, at most *limit*."""
        return self._client(registry, credentials).search(term, limit=limit)

    def list_repositories(
        self, registry: str, *, credentials: Credentials | None = None
    ) -> list[str]:
        """Return the repositories of *registry*, where it shows them."""
        return self._client(registry, credentials).list_repositories()

    def list_tags(
        self, name: Reference | str, *, credentials: Credentials | None = None
    ) -> list[str]:
        """Return the tags of the repository that *name* is in; raise `ImageNotFound`."""
        reference = _parsed(name)
        return self._client(reference.registry, credentials).list_tags(reference)

    def list_referrers(
        self,
        name: Reference | str,
        *,
        artifact_type: str = "",
        credentials: Credentials | None = None,
    ) -> list[Descriptor]:
        """Return what refers to the image *name*: signatures, attestations, bills of material."""
        reference = _parsed(name)
        client = self._client(reference.registry, credentials)
        digest = reference.digest or client.fetch_manifest(reference).digest
        return client.list_referrers(reference, digest, artifact_type=artifact_type)

    def inspect(
        self, name: Reference | str, *, credentials: Credentials | None = None
    ) -> Distribution:
        """Return what *name* is at its registry, without bringing it; raise `ImageNotFound`."""
        reference = _parsed(name)
        client = self._client(reference.registry, credentials)
        document = client.fetch_manifest(reference)
        descriptor = Descriptor(document.parsed.media_type, document.digest, len(document.content))
        return Distribution(reference, descriptor, _platforms(client, reference, document))

    def _client(self, registry: str, credentials: Credentials | None) -> RegistryClient:
        return self._connect(registry, credentials=credentials, cancellation=NEVER)


def _platforms(
    client: RegistryClient, reference: Reference, document: Document
) -> tuple[Platform, ...]:
    if isinstance(document.parsed, Index):
        return document.parsed.platforms
    return _own_platform(client, reference, document.parsed)


def _own_platform(
    client: RegistryClient, reference: Reference, manifest: Manifest
) -> tuple[Platform, ...]:
    if manifest.config.media_type not in CONFIGS:
        return ()
    content = client.fetch_document(reference, manifest.config, limit=configs.MAX_BYTES)
    return (ImageConfig.parse(content).platform,)


def _parsed(name: Reference | str) -> Reference:
    return Reference.parse(name) if isinstance(name, str) else name
