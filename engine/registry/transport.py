"""
The seam to the HTTP library: the only module that imports it.

Its errors become ours here and nowhere else. It follows no redirect and shows no credentials on its
own; the conversation does both. It is imported when the first request is made, because most
processes that open an engine never make one.
"""

from __future__ import annotations

import logging
import re
import ssl
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from engine.errors import RegistryUnreachable, RegistryUntrusted
from engine.registry.certificates import Certificates
from engine.registry.messages import Response, host_and_port, redacted
from engine.registry.pace import Pace, PacedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import httpx

    from engine.registry.messages import Request

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 20.0
USER_AGENT = "shipshape"
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
# No proxy stands between this host and itself.
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")


class Transport(Protocol):
    """Carries requests."""

    def send(self, request: Request) -> AbstractContextManager[Response]:
        """
        Open the response to *request*; its body can be read inside the block.

        Raises `RegistryUnreachable` when there is no connection, here or while the body is read.
        A redirect is a response like any other.
        """


class HttpTransport:
    """A `Transport` over real connections, which are kept and shared between threads."""

    def __init__(self, certificates: Path | None = None, *, pace: Pace | None = None) -> None:
        self._certificates = Certificates(certificates)
        self._pace = pace or Pace()
        self._guard = threading.Lock()
        self._clients: dict[str, httpx.Client] = {}

    @contextmanager
    def send(self, request: Request) -> Iterator[Response]:
        """See `Transport.send`."""
        log.debug(
            "registry request", extra={"method": request.method, "url": redacted(request.url)}
        )
        with _translated(request.url), ExitStack() as opened:
            with _named(request.url):
                answer = opened.enter_context(
                    self._opened(request.url).stream(
                        request.method,
                        request.url,
                        headers=_headers(request),
                        content=request.payload.open() if request.payload else None,
                    )
                )
            headers = {name.lower(): value for name, value in answer.headers.items()}
            yield Response(request.url, answer.status_code, headers, _Body(request.url, answer))

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        with self._guard:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _opened(self, url: str) -> httpx.Client:
        """Return the client for *url*: hosts with certificates of their own share none."""
        parts = urlsplit(url)
        key = parts.netloc if self._certificates.has(parts.netloc) else parts.scheme
        with self._guard:
            if key not in self._clients:
                self._clients[key] = _new_client(
                    self._context(parts.scheme, parts.netloc), self._pace
                )
            return self._clients[key]

    def _context(self, scheme: str, host: str) -> ssl.SSLContext:
        if scheme == "https":
            return self._certificates.context(host)
        # Nothing is verified in plain http; reading the system's authorities would take its time.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Body:
    """The bytes of an answer exactly as they were sent: no content coding is undone."""

    def __init__(self, url: str, answer: httpx.Response) -> None:
        self._url = url
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        """See `Body.__iter__`."""
        with _translated(self._url):
            yield from self._answer.iter_raw()


def _headers(request: Request) -> dict[str, str]:
    if request.payload is None:
        return dict(request.headers)
    return {**request.headers, "content-length": str(request.payload.length)}


def _new_client(context: ssl.SSLContext, pace: Pace) -> httpx.Client:
    import httpx

    # Both write whole URLs into their logs, whose queries may carry somebody's token.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = httpx.Client(
        verify=context,
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
        mounts=dict.fromkeys(_LOOPBACK),
    )
    _set_pace(client, pace)
    return client


def _set_pace(client: httpx.Client, pace: Pace) -> None:
    """Let every connection of *client*, through a proxy or not, end when it drips."""
    # The library offers no other way to see the bytes where they come in.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool: Any = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = PacedBackend(pool._network_backend, pace)  # noqa: SLF001


@contextmanager
def _named(url: str) -> Iterator[None]:
    """Translate what the name of a host raises that no name server can be asked for."""
    try:
        yield
    except UnicodeError as error:
        raise RegistryUnreachable(host_and_port(url), reason="that is no host's name") from error


@contextmanager
def _translated(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        place = host_and_port(url)
        if _is_distrust(error):
            raise RegistryUntrusted(place, reason=_reason(error)) from error
        raise RegistryUnreachable(place, reason=_reason(error)) from error


def _is_distrust(error: BaseException | None) -> bool:
    """Return whether a certificate was refused, by us or by the other side, at the bottom of it."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        if isinstance(error, ssl.SSLError) and "CERTIFICATE" in (error.reason or ""):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    # "[Errno 111] Connection refused": the number says nothing that the words do not.
    return _ERRNO.sub("", str(error)) or type(error).__name__
