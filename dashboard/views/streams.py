"""Tickets for live streams."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboard.consumers.tickets import StreamAction, create_ticket
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.removed import find_printed
from dashboard.views.answers import missing_is_404


@never_cache
@require_POST
@require_role(Role.VIEWER)
@missing_is_404
def stream_ticket(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Give a one-use ticket for one stream of one container."""
    if request.POST.get("action") != StreamAction.LOGS:
        return HttpResponseBadRequest("unknown action")
    container = find_printed(host, container_id)
    ticket = create_ticket(
        user=request.user,
        host=container.host_id,
        container_id=container.container_id,
        action=StreamAction.LOGS,
    )
    return JsonResponse({"ticket": ticket})
