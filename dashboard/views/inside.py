"""What runs in a container at this moment, as its host sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.agents import Question, ask
from dashboard.forms import words_of
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import REFUSED, missing_is_404, render_question
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.http import HttpResponse

PATIENCE_SECONDS = 3.0


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_stats(_request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Give what a container uses, in more detail than is pushed to every page."""
    container = selectors.container_detail(host, container_id)
    told = {"container_id": container.container_id}
    try:
        answer = ask(container.host_id, Question.STATS, told, patience=PATIENCE_SECONDS)
    except EngineError as error:
        return JsonResponse({"error": {"message": words_of(error)}}, status=REFUSED)
    return JsonResponse(answer)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_top(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show the processes of a container."""
    container = selectors.container_detail(host, container_id)
    context: dict[str, object] = {"container": container}
    try:
        told = {"container_id": container.container_id}
        context["top"] = ask(container.host_id, Question.TOP, told)
    except EngineError as error:
        context["error"] = words_of(error)
    title = f"Processes of {container.name}"
    return render_question(request, "dashboard/containers/_top.html", context, title=title)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_health(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show the last checks of a container's health and what they said."""
    container = selectors.container_detail(host, container_id)
    context: dict[str, object] = {"container": container}
    try:
        told = {"container_id": container.container_id}
        context["health"] = ask(container.host_id, Question.HEALTH, told)
    except EngineError as error:
        context["error"] = words_of(error)
    title = f"Health of {container.name}"
    return render_question(request, "dashboard/containers/_health.html", context, title=title)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_loss(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show what would be lost with a container, as its host finds it now, and what stays."""
    container = selectors.container_detail(host, container_id)
    context: dict[str, object] = {"container": container, "is_reset": "reset" in request.GET}
    try:
        told = {"container_id": container.container_id}
        answer = ask(container.host_id, Question.LOSS, told)
    except EngineError as error:
        context["error"] = words_of(error)
    else:
        mounts = selectors.with_volumes(container.host_id, answer["mounts"])
        context |= {
            "loss": answer,
            "stays": [each for each in mounts if not each["goes"]],
            "goes": [each for each in mounts if each["goes"]],
        }
    title = f"What would be lost with {container.name}"
    return render_question(request, "dashboard/containers/_loss.html", context, title=title)
