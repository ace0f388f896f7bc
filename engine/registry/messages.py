"""Requests and responses as values, so that a conversation can be held without a socket."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from engine.errors import LimitExceeded, RegistryUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AUTHORIZATION = "authorization"
SEE_OTHER = 303


class Body(Protocol):
    """The bytes of a response, as they come."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks as they arrive; can be done once."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The *length* bytes of a request; *open* yields them, as often as they have to be sent."""

    length: int
    open: Callable[[], Iterable[bytes]] = field(repr=False)

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the payload that is *content*."""
        return cls(len(content), lambda: (content,) if content else ())


NOTHING = Payload.of(b"")
"""What a request sends that says all it has to say in its URL."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case."""

    url: str
    headers: Mapping[str, str]
    method: str = "GET"
    payload: Payload | None = None

    def with_header(self, name: str, value: str) -> Self:
        """Return the same request with one header set."""
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: str) -> Self:
        """Return the same request without one header."""
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})

    def led_to(self, url: str, *, status: int) -> Self:
        """Return the request that a redirect with *status* to *url* asks for (RFC 9110, 15.4)."""
        if status == SEE_OTHER:
            return replace(self, url=url, method="GET", payload=None)
        return replace(self, url=url)

    def __repr__(self) -> str:
        return f"Request({self.method} {redacted(self.url)})"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back from *url*; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: Body

    def read(self, *, limit: int, what: str) -> bytes:
        """Return the whole body; raise `LimitExceeded` about *what* over *limit* bytes."""
        content = bytearray()
        for chunk in self.body:
            content += chunk
            if len(content) > limit:
                raise LimitExceeded(f"the size of {what}", limit=limit, field="reference")
        return bytes(content)

    def peek(self, *, limit: int) -> bytes:
        """Return at most the first *limit* bytes of the body, for telling what went wrong."""
        content = bytearray()
        for chunk in self.body:
            content += chunk
            if len(content) >= limit:
                break
        return bytes(content[:limit])


Flow = Generator[Request, Response, Response]
"""A conversation: yields requests, is sent their responses, returns the one that answers."""


def origin(url: str) -> tuple[str, str, int | None]:
    """
    Return scheme, host and port of *url*: who would get what is sent there.

    Raises `RegistryUnreachable` where nobody would, for what is no URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # A user and a password may stand before the host.
        place = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        raise RegistryUnreachable(place[:100], reason="that is no address") from error
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port or default


def host_and_port(url: str) -> str:
    """Return who is spoken to at *url*, with the port in any case."""
    _, host, port = origin(url)
    return f"{host}:{port}"


def redacted(url: str) -> str:
    """Return *url* without the parts that may carry secrets: user, password, query."""
    scheme, host, _ = origin(url)
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{scheme}://{host}{port}{parts.path}" + ("?…" if parts.query else "")
