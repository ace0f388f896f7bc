"""Where a registry keeps things, and over what it may be spoken to (distribution-spec, "API")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.oci.reference import DEFAULT_REGISTRY, Reference, registry_host

if TYPE_CHECKING:
    from engine.oci.digest import Digest

# The default registry answers the protocol under another name than the one people write.
_SERVED_BY = {DEFAULT_REGISTRY: "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Reach:
    """
    Over what a host may be spoken to.

    Plain http is for this machine itself and for the hosts (`host` or `host:port`) in *plain_http*,
    which somebody configured on purpose; everybody else is spoken to in https or not at all.
    """

    plain_http: frozenset[str] = frozenset()

    def scheme(self, registry: str) -> str:
        """Return the scheme to speak to *registry* in."""
        return "http" if self._is_plain(registry) else "https"

    def allows(self, url: str) -> bool:
        """Return whether anything may be asked of *url*, wherever the URL came from."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
            _ = parts.port
        except ValueError:
            return False
        if not host or parts.username is not None:
            return False
        return parts.scheme == "https" or (parts.scheme == "http" and self._is_plain(parts.netloc))

    def _is_plain(self, registry: str) -> bool:
        is_loopback = Reference(registry, "any").is_loopback
        return is_loopback or bool({registry, registry_host(registry)} & self.plain_http)


def api_url(registry: str, reach: Reach) -> str:
    """Return the URL under which everything of *registry* lies."""
    return f"{reach.scheme(registry)}://{_SERVED_BY.get(registry, registry)}/v2/"


def manifest_url(reference: Reference, reach: Reach) -> str:
    """Return where the manifest that *reference* names is asked for."""
    root = api_url(reference.registry, reach)
    return f"{root}{reference.repository}/manifests/{reference.manifest_reference}"


def blob_url(reference: Reference, digest: Digest, reach: Reach) -> str:
    """Return where the blob *digest* of the repository of *reference* is asked for."""
    return f"{api_url(reference.registry, reach)}{reference.repository}/blobs/{digest}"
