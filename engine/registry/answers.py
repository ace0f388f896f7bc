"""From what a registry answered to the error that says so (distribution-spec, "Error Codes")."""

from __future__ import annotations

import json
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
    from engine.oci.reference import Reference
    from engine.registry.messages import Response

MAX_ERROR_BYTES = 64 * 1024
MAX_DETAIL = 200
CHECK_NAME = "Check the name and the tag; a private image also needs a password that may see it."
LONGEST_RETRY_AFTER = 24 * 3600.0


def failure(response: Response, reference: Reference, *, what: str) -> EngineError:
    """Return the error for a *response* that is none to a request for *what* of *reference*."""
    registry = reference.registry
    if response.status == 401:
        return AuthenticationFailed(registry)
    if response.status == 403:
        return AccessDenied(registry, repository=reference.repository)
    if response.status == 404 and what == "manifest":
        return ImageNotFound(
            reference.familiar, where=f"at {registry}", field="reference", remedy=CHECK_NAME
        )
    if response.status == 429:
        return RateLimited(registry, retry_after=retry_after(response))
    detail = _detail(response) or f"no {what} of {reference.repository}"
    return RegistryError(registry, status=response.status, detail=detail)


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
