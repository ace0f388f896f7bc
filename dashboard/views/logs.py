"""The output of several containers together."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.agents import Question, ask
from dashboard.forms import words_of
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.removed import find_printed
from dashboard.views.answers import REFUSED, missing_is_404, render_page, render_question
from dashboard.views.downloads import answer_download
from engine.errors import EngineError

MOST_TOGETHER = 6
LAST_LINES = 5
UNAVAILABLE = 503


@require_safe
@require_role(Role.VIEWER)
def logs(request: SignedInRequest) -> HttpResponse:
    """Show what the chosen containers print, merged by time."""
    chosen = selectors.containers_named(request.GET.getlist("c")[:MOST_TOGETHER])
    context = {
        "sources": chosen,
        "others": [each for each in selectors.loggable() if each not in chosen],
        "most": MOST_TOGETHER,
    }
    return render_page(request, "logs/logs", context)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def log_page(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Give lines that a container printed up to a moment, or from one on, as its host has them."""
    container = find_printed(host, container_id)
    told = {name: request.GET.get(name, "")[:64] for name in ("since", "until")}
    try:
        answer = ask(
            container.host_id,
            Question.LOG_PAGE,
            {"container_id": container.container_id, **told},
        )
    except EngineError as error:
        return JsonResponse({"error": {"message": words_of(error)}}, status=REFUSED)
    return JsonResponse(answer)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def log_download(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:  # noqa: ARG001
    """Give all that a container printed and its host still has, as one file."""
    container = find_printed(host, container_id)
    told = {"container_id": container.container_id}
    try:
        opened = ask(container.host_id, Question.LOG_OPEN, told)
    except EngineError as error:
        return HttpResponse(words_of(error), status=UNAVAILABLE, content_type="text/plain")
    read = partial(ask, container.host_id, Question.LOG_READ)
    return answer_download(
        read, opened["saving"], name=f"{container.name}.log", content_type="text/plain"
    )


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def last_lines(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show the last few lines that a container printed."""
    container = selectors.container_detail(host, container_id)
    context: dict[str, object] = {"container": container}
    try:
        told = {"container_id": container.container_id, "lines": LAST_LINES}
        context["lines"] = ask(container.host_id, Question.LAST_LINES, told)["lines"]
    except EngineError as error:
        context["error"] = words_of(error)
    title = f"Last lines of {container.name}"
    return render_question(request, "dashboard/logs/_last.html", context, title=title)
