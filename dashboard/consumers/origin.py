"""Only our own pages may open a websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


class OwnOriginOnly:
    """
    Pass a connection on if a page of this very site opened it; deny it with 403 otherwise.

    Stricter than comparing host names: another program on the same machine has another port and
    still gets this browser's cookies, so host and port must both be ours. No Origin, no connection.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """Pass on or deny."""
        headers = dict(scope.get("headers", ()))
        origin = headers.get(b"origin", b"").decode("latin1")
        host = headers.get(b"host", b"").decode("latin1")
        if is_own_origin(origin, host=host):
            return await self.application(scope, receive, send)
        # No consumer that waits for the disconnect: servers need not report one after a refusal.
        return await send({"type": "websocket.close"})


def is_own_origin(origin: str, *, host: str) -> bool:
    """Whether a page at *origin* is ours, given the *host* header that the connection came with."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    if parts.scheme not in _schemes() or not host or parts.netloc.lower() != host.lower():
        return False
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _schemes() -> tuple[str, ...]:
    return ("https",) if settings.SESSION_COOKIE_SECURE else ("http", "https")
