"""What the pages of one thing share: its parts, of which one is open, and what was done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import selectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest


def tab_of(request: HttpRequest, tabs: Sequence[tuple[str, str]]) -> str:
    """Return which of *tabs*, by key and label, is open: the first where none is meant."""
    asked = request.GET.get("tab", "")
    return asked if asked in dict(tabs) else tabs[0][0]


def past_of(host: str, kind: str, object_id: str) -> dict[str, Any]:
    """Return what `components/history.html` shows of one thing."""
    about = (host, kind, object_id)
    return {"entries": selectors.activity_about(*about), "jobs": selectors.jobs_about(*about)}
