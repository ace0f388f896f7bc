"""What was ticked over hosts, and answering with a notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from dashboard.permissions import is_htmx
from dashboard.views.answers import REFUSED
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest


def by_host(values: Iterable[str]) -> dict[str, list[str]]:
    """Return the IDs in *values*, each `host/ID`, by host; refuse none at all."""
    found: dict[str, list[str]] = {}
    for value in values:
        host, slash, object_id = value.partition("/")
        if not slash:
            raise InvalidInput("A ticked row does not say which host it is on", field="ids")
        found.setdefault(host, []).append(object_id)
    if not found:
        raise InvalidInput("Nothing is ticked, so nothing was done. Tick at least one row")
    return found


def say(request: HttpRequest, text: str, *, to: str, is_bad: bool = False) -> HttpResponse:
    """Say *text* in a notice; without a script, on the page *to*."""
    if not is_htmx(request):
        (messages.error if is_bad else messages.success)(request, text)
        return redirect(to)
    told = {"toast": {"text": text, "tone": "bad" if is_bad else ""}}
    headers = {"HX-Trigger": json.dumps(told), "HX-Reswap": "none"}
    return HttpResponse(status=REFUSED if is_bad else 204, headers=headers)
