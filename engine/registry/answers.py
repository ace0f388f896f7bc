"""From what a registry answered to the error that says so (distribution-spec, "Error Codes")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from engine.errors import (
    AccessDenied,
    AuthenticationFailed,
    EngineError,
    ImageNotFound,
    RateLimited,
    RegistryError,
)

if TYPE_CHECKING:
    from engine.registry.messages import Response

MAX_ERROR_BYTES = 64 * 1024
MAX_DETAIL = 200
CHECK_NAME = "Check the name and the tag; a private image also needs a password that may see it."
LONGEST_RETRY_AFTER = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What a request was about, in the words of an error: *what* of *repository* at *registry*.

    *name* is what a person would call it; where it is set, 404 means that it does not exist.
    """

    registry: str
    what: str
    repository: str = ""
    name: str = ""


def failure(response: Response, asked: Asked) -> EngineError:
    """Return the error for a *response* that does not give what was *asked*."""
    registry = asked.registry
    if response.status == 401:
        return AuthenticationFailed(registry)
    if response.status == 403:
        return AccessDenied(registry, repository=asked.repository or "it")
    if response.status == 404 and asked.name:
        return ImageNotFound(
            asked.name, where=f"at {registry}", field="reference", remedy=CHECK_NAME
        )
    if response.status == 429:
        return RateLimited(registry, retry_after=retry_after(response))
    of = f" of {asked.repository}" if asked.repository else ""
    detail = _detail(response) or f"no {asked.what}{of}"
    return RegistryError(
        registry, status=response.status, detail=detail, retry_after=retry_after(response)
    )


def retry_after(response: Response) -> float | None:
    """Return the seconds in `Retry-After`, however it is written; None if it says nothing."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        seconds = float(text)
    else:
        seconds = _seconds_between(response.headers.get("date", ""), text)
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else None


def _seconds_between(earlier: str, later: str) -> float:
    # Both times are the registry's own, so that its clock need not agree with ours.
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _detail(response: Response) -> str:
    """Return the registry's own words, bounded and printable."""
    try:
        first = json.loads(response.peek(limit=MAX_ERROR_BYTES))["errors"][0]
        text = str(first.get("message") or first.get("code") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return "".join(each if each.isprintable() else " " for each in text)[:MAX_DETAIL]
