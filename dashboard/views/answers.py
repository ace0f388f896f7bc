"""The forms in which views answer."""

from __future__ import annotations

import json
from functools import wraps
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from dashboard.permissions import is_htmx
from engine.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.models import Job

P = ParamSpec("P")

REFUSED = 422


def render_page(
    request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """
    Return the page `dashboard/<name>.html`, or to htmx only its main part, `_<name>.html`.

    Both come from the same address, so nothing between us and the browser may mix them up.
    """
    noun, _, page = name.rpartition("/")
    template = f"dashboard/{noun}/{'_' if is_htmx(request) else ''}{page}.html"
    return _varied(render(request, template, context, status=status))


def render_question(
    request: HttpRequest, fragment: str, context: dict[str, Any], *, title: str, status: int = 200
) -> HttpResponse:
    """Return a form for the dialog, or without a script a page with that form."""
    if is_htmx(request):
        return _varied(render(request, fragment, context, status=status))
    values = {**context, "fragment": fragment, "title": title}
    return _varied(render(request, "dashboard/ask.html", values, status=status))


def in_dialog(response: HttpResponse) -> HttpResponse:
    """Have a question that answers a button shown in the dialog instead of at the button."""
    response["HX-Retarget"], response["HX-Reswap"] = "#dialog-content", "innerHTML"
    return response


def answer_job(request: HttpRequest, job: Job) -> HttpResponse:
    """Say that *job* was asked for: with a notice that links to it, or by going to its page."""
    if not is_htmx(request):
        return redirect(job)
    notice = {"text": f"{job.title}: on its way", "url": job.get_absolute_url(), "link": "Job"}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"toast": notice})})


def answer_in_place(request: HttpRequest, job: Job) -> HttpResponse:
    """Put *job* and its progress where the form was, or go to its page."""
    if not is_htmx(request):
        return redirect(job)
    return render(request, "dashboard/jobs/_asked.html", {"job": job, "asked": job.title})


def address_of(request: HttpRequest) -> str | None:
    """Return the address that *request* came from, for the audit trail; None if it is none."""
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR") or ""))
    except ValueError:
        # A proxy passes on what it was told, and that may be anything.
        return None


def missing_is_404(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Return *view*, answering 404 where what it asks for is not there."""

    @wraps(view)
    def found(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error

    return found


def _varied(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Request"])
    return response
