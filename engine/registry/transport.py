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
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from engine.errors import RegistryUnreachable
from engine.registry.messages import Response, origin, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

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

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._client: httpx.Client | None = None

    @contextmanager
    def send(self, request: Request) -> Iterator[Response]:
        """See `Transport.send`."""
        log.debug(
            "registry request", extra={"method": request.method, "url": redacted(request.url)}
        )
        with (
            _translated(request.url),
            self._opened().stream(
                request.method, request.url, headers=dict(request.headers)
            ) as answer,
        ):
            headers = {name.lower(): value for name, value in answer.headers.items()}
            yield Response(request.url, answer.status_code, headers, _Body(request.url, answer))

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        with self._guard:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> httpx.Client:
        with self._guard:
            if self._client is None:
                self._client = _new_client()
            return self._client


class _Body:
    """The bytes of an answer exactly as they were sent: no content coding is undone."""

    def __init__(self, url: str, answer: httpx.Response) -> None:
        self._url = url
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        """See `Body.__iter__`."""
        with _translated(self._url):
            yield from self._answer.iter_raw()


def _new_client() -> httpx.Client:
    import httpx

    # Both write whole URLs into their logs, whose queries may carry somebody's token.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.Client(
        verify=ssl.create_default_context(),
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
        mounts=dict.fromkeys(_LOOPBACK),
    )


@contextmanager
def _translated(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        _, host, port = origin(url)
        raise RegistryUnreachable(f"{host}:{port}", reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    # "[Errno 111] Connection refused": the number says nothing that the words do not.
    return _ERRNO.sub("", str(error)) or type(error).__name__
