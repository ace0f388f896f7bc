"""Files behind URLs that are no registry's: what ADD of a Dockerfile brings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import RegistryError, RegistryUnreachable, UrlNotFound
from engine.registry.auth import joined_url
from engine.registry.messages import Request, host_and_port, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.progress import Cancellation
    from engine.registry.transport import Transport

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 10
OK, NOT_FOUND, GONE = 200, 404, 410


class UrlDownloads:
    """Downloads over one transport; nobody's credentials are sent along."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def open_url(self, url: str, *, cancellation: Cancellation) -> Iterator[bytes]:
        """
        Yield the bytes that *url* names, following redirects between http and https.

        Raises `UrlNotFound`, `RegistryError` for another answer than these, or
        `RegistryUnreachable`.
        """
        for _ in range(MAX_REDIRECTS):
            cancellation.check()
            with self._transport.send(Request(url, {})) as response:
                if response.status in REDIRECTS:
                    url = _led_to(url, response.headers.get("location", ""))
                    continue
                if response.status in {NOT_FOUND, GONE}:
                    raise UrlNotFound(redacted(url))
                if response.status != OK:
                    raise RegistryError(host_and_port(url), status=response.status)
                yield from response.body
                return
        raise RegistryUnreachable(host_and_port(url), reason="it redirects without end")


def _led_to(url: str, location: str) -> str:
    target = joined_url(url, location)
    if urlsplit(target).scheme not in {"http", "https"}:
        raise RegistryUnreachable(host_and_port(url), reason="it redirects to no http address")
    return target
