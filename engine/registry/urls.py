"""Where a registry keeps things, and over what it may be spoken to (distribution-spec, "API")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlencode, urlsplit

from engine.oci.reference import DEFAULT_REGISTRY, Reference, registry_host

if TYPE_CHECKING:
    from engine.oci.digest import Digest

# The default registry answers the protocol, and searches, under other names than people write.
_SERVED_BY = {DEFAULT_REGISTRY: "registry-1.docker.io"}
_SEARCHED_AT = {DEFAULT_REGISTRY: "index.docker.io"}
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Reach:
    """
    Over what a host may be spoken to.

    Plain http is for this machine itself and for the hosts (`host` or `host:port`) in *plain_http*,
    which somebody configured on purpose; everybody else is spoken to in https or not at all, and so
    are the hosts in *tls*, for which somebody put certificates here.
    """

    plain_http: frozenset[str] = frozenset()
    tls: frozenset[str] = frozenset()

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

    def with_plain_http(self, hosts: frozenset[str]) -> Self:
        """Return a reach that speaks plain http to *hosts* as well."""
        return replace(self, plain_http=self.plain_http | hosts)

    def with_tls(self, host: str) -> Self:
        """Return a reach that speaks to *host* in https only, whoever it is."""
        return replace(self, tls=self.tls | {host})

    def _is_plain(self, registry: str) -> bool:
        if registry in self.tls:
            return False
        is_loopback = Reference(registry, "any").is_loopback
        return is_loopback or bool({registry, registry_host(registry)} & self.plain_http)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one registry, or a mirror of it, answers: everything lies under *root*."""

    registry: str
    root: str

    @classmethod
    def of(cls, registry: str, reach: Reach) -> Self:
        """Return where *registry* itself answers."""
        return cls(registry, f"{reach.scheme(registry)}://{_SERVED_BY.get(registry, registry)}/v2/")

    def manifest(self, repository: str, reference: str) -> str:
        """Return where the manifest under a tag or digest is."""
        return f"{self.root}{repository}/manifests/{reference}"

    def blob(self, repository: str, digest: Digest) -> str:
        """Return where a blob is."""
        return f"{self.root}{repository}/blobs/{digest}"

    def uploads(self, repository: str) -> str:
        """Return where an upload begins."""
        return f"{self.root}{repository}/blobs/uploads/"

    def mount(self, repository: str, digest: Digest, *, source: str) -> str:
        """Return where a blob of the repository *source* is asked to be in *repository* too."""
        query = urlencode({"mount": str(digest), "from": source})
        return f"{self.uploads(repository)}?{query}"

    def tags(self, repository: str) -> str:
        """Return where the list of tags begins."""
        return f"{self.root}{repository}/tags/list?n={PAGE}"

    def catalog(self) -> str:
        """Return where the list of repositories begins."""
        return f"{self.root}_catalog?n={PAGE}"

    def referrers(self, repository: str, digest: Digest, *, artifact_type: str) -> str:
        """Return where the list of what refers to a manifest begins."""
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        return f"{self.root}{repository}/referrers/{digest}{query}"

    def search(self, term: str, *, limit: int) -> str:
        """Return where the registry's own search is, if it has one."""
        parts = urlsplit(self.root)
        host = _SEARCHED_AT.get(self.registry, parts.netloc)
        return f"{parts.scheme}://{host}/v1/search?{urlencode({'q': term, 'n': limit})}"
