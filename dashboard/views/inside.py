"""What runs in a container at this moment, as its host sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    from dashboard.models import Container

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
    context = _asked(container, Question.TOP, "top")
    title = f"Processes of {container.name}"
    return render_question(request, "dashboard/containers/_top.html", context, title=title)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_health(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show the last checks of a container's health and what they said."""
    container = selectors.container_detail(host, container_id)
    context = _asked(container, Question.HEALTH, "health")
    title = f"Health of {container.name}"
    return render_question(request, "dashboard/containers/_health.html", context, title=title)


@never_cache
@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_loss(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show what would be lost with a container, as its host finds it now, and what stays."""
    container = selectors.container_detail(host, container_id)
    context = _asked(container, Question.LOSS, "loss") | {"is_reset": "reset" in request.GET}
    if "loss" in context:
        mounts = selectors.with_volumes(container.host_id, context["loss"]["mounts"])
        context |= {
            "stays": [each for each in mounts if not each["goes"]],
            "goes": [each for each in mounts if each["goes"]],
        }
    title = f"What would be lost with {container.name}"
    return render_question(request, "dashboard/containers/_loss.html", context, title=title)


def _asked(container: Container, question: Question, name: str) -> dict[str, Any]:
    """Return *container*, and what its host answers as *name*, or why it does not."""
    told = {"container_id": container.container_id}
    try:
        return {"container": container, name: ask(container.host_id, question, told)}
    except EngineError as error:
        return {"container": container, "error": words_of(error)}
