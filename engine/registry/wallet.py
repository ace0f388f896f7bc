"""What opened a registry before, so that the next request need not ask again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registry.messages import AUTHORIZATION, Request, origin
from engine.registry.scopes import Scopes, cover
from engine.registry.urls import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.registry.credentials import Credentials
    from engine.registry.urls import Reach

# A token is not shown in its last seconds: it could run out on the way.
MARGIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Grant:
    """A header that opens *scopes*, everything where they are None, until *ends_at*."""

    header: str
    scopes: Scopes | None
    ends_at: float

    def opens(self, scopes: Scopes, now: float) -> bool:
        return now < self.ends_at and (self.scopes is None or cover(self.scopes, scopes))


class Wallet:
    """
    Somebody's credentials for one registry, and what was got for them so far.

    It belongs to one person's work with one registry and dies with it. Nothing in it is shown to
    another origin than the registry's own.
    """

    def __init__(
        self,
        registry: str,
        credentials: Credentials | None,
        reach: Reach,
        *,
        endpoint: Endpoint | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self.credentials = credentials
        self.reach = reach
        self.identity_token = credentials.identity_token if credentials else ""
        self._home = origin((endpoint or Endpoint.of(registry, reach)).root)
        self._now = now
        self._guard = threading.Lock()
        self._grants: list[_Grant] = []
        if credentials and credentials.registry_token:
            self.keep(None, f"Bearer {credentials.registry_token}")

    def is_home(self, url: str) -> bool:
        """Return whether *url* is the registry's own, so that it may see what is in here."""
        return origin(url) == self._home

    def dressed(self, request: Request, scopes: Scopes) -> Request:
        """Return *request* with what opened *scopes* before, if anything did."""
        now = self._now()
        with self._guard:
            found = next((each for each in self._grants if each.opens(scopes, now)), None)
        return request.with_header(AUTHORIZATION, found.header) if found else request

    def keep(self, scopes: Scopes | None, header: str, *, seconds: float | None = None) -> None:
        """Remember that *header* opens *scopes*, everything for None, for so many *seconds*."""
        ends_at = float("inf") if seconds is None else self._now() + seconds - MARGIN_SECONDS
        grant = _Grant(header, scopes, ends_at)
        with self._guard:
            others = [each for each in self._grants if each.scopes != scopes]
            self._grants = [grant, *others]
