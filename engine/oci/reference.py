"""
References: the whole written name of an image.

`[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, normalised the way docker does it: without a registry it is
`docker.io`, there a single name means `library/…`, and without tag and digest the tag is `latest`.
The grammar is that of the distribution project's reference package.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Self

from engine.errors import InvalidDigest, InvalidReference
from engine.oci.digest import Digest

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
OFFICIAL = "library/"
MAX_NAME = 255
MAX_TEXT = 1024
MAX_PORT = 65535

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?", re.ASCII
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_HEX_64 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A name that was parsed and completed. At least one of *tag* and *digest* is set."""

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference that *text* spells, completed; raise `InvalidReference`."""
        if not text or len(text) > MAX_TEXT:
            raise InvalidReference(text, "it is empty" if not text else "it is too long")
        name, digest = _split_digest(text)
        name, tag = _split_tag(name)
        registry, repository = _split_registry(name)
        _check(text, registry, repository, tag)
        if tag is None and digest is None:
            tag = DEFAULT_TAG
        return cls(registry, repository, tag, digest)

    @property
    def name(self) -> str:
        """Registry and repository, canonical: `docker.io/library/alpine`."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """Registry and repository as docker shows them: `alpine`, `ana/web`, `host:5000/web`."""
        short = self.repository.removeprefix(OFFICIAL)
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        # A name is only shortened to what leads back to it.
        if "/" in short:
            short = self.repository
        return self.name if _starts_with_registry(short) else short

    @property
    def familiar(self) -> str:
        """The whole reference as docker shows it."""
        return self.familiar_name + self._suffix

    @property
    def manifest_reference(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return str(self.digest) if self.digest else str(self.tag)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is this machine, so that plain http is acceptable."""
        host = registry_host(self.registry)
        return host == "localhost" or _is_loopback_address(host)

    def with_digest(self, digest: Digest) -> Self:
        """Return the name by *digest* alone, without a tag."""
        return replace(self, tag=None, digest=digest)

    @property
    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return tag + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + self._suffix


def registry_host(registry: str) -> str:
    """Return the host in *registry*, without port and brackets."""
    if registry.startswith("["):
        return registry[1:].partition("]")[0]
    return registry.partition(":")[0]


def is_tag(text: str) -> bool:
    """Return whether *text* can be a tag."""
    return _TAG.fullmatch(text) is not None


def is_repository(text: str) -> bool:
    """Return whether *text* can be a repository's name."""
    return len(text) <= MAX_NAME and _REPOSITORY.fullmatch(text) is not None


def _port(registry: str) -> int:
    return int(registry.removeprefix(f"[{registry_host(registry)}]").partition(":")[2] or 0)


def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split_digest(text: str) -> tuple[str, Digest | None]:
    name, at, digest = text.partition("@")
    if not at:
        return name, None
    try:
        return name, Digest.parse(digest)
    except InvalidDigest as error:
        raise InvalidReference(text, "what follows @ is not a digest") from error


def _split_tag(name: str) -> tuple[str, str | None]:
    # A colon before the last slash belongs to the registry's port.
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, None
    return head, tag


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if _starts_with_registry(name):
        if first in {"docker.io", "index.docker.io"}:
            return DEFAULT_REGISTRY, rest if "/" in rest else OFFICIAL + rest
        return first, rest
    return DEFAULT_REGISTRY, name if slash else OFFICIAL + name


def _starts_with_registry(name: str) -> bool:
    first, slash, _ = name.partition("/")
    if not slash:
        return False
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _check(text: str, registry: str, repository: str, tag: str | None) -> None:
    if not _REGISTRY.fullmatch(registry) or _port(registry) > MAX_PORT:
        raise InvalidReference(text, f"{registry!r} is not a registry")
    if repository.lower() != repository:
        raise InvalidReference(text, "repository name must be lowercase")
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidReference(text, f"{repository!r} is not a repository name")
    if len(repository) > MAX_NAME:
        raise InvalidReference(text, f"the repository name is longer than {MAX_NAME} characters")
    if registry == DEFAULT_REGISTRY and _HEX_64.fullmatch(repository.removeprefix(OFFICIAL)):
        raise InvalidReference(text, "64 hexadecimal digits are an image ID, not a name")
    if tag is not None and not _TAG.fullmatch(tag):
        raise InvalidReference(text, f"{tag!r} is not a tag")
