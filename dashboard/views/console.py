"""Terminals in containers: what a page needs to open one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboard import selectors, services
from dashboard.consumers.tickets import StreamAction, create_ticket
from dashboard.forms import words_of
from dashboard.forms.texts import split_words
from dashboard.models import TerminalKind
from dashboard.permissions import (
    ROLE_FOR_TERMINALS,
    SignedInRequest,
    require_role,
    role_for_reach,
)
from dashboard.views.answers import REFUSED, address_of, missing_is_404
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.http import HttpResponse


@never_cache
@require_POST
@require_role(ROLE_FOR_TERMINALS)
@missing_is_404
def console_ticket(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Write down that a terminal is wanted, and give the one-use ticket for it."""
    container = selectors.container_detail(host, container_id)
    is_attach = request.POST.get("kind") == TerminalKind.ATTACH
    try:
        terminal = services.request_terminal(
            container=container,
            kind=TerminalKind.ATTACH if is_attach else TerminalKind.EXEC,
            command=split_words(request.POST.get("command", "")[:8192]),
            run_as=request.POST.get("user", "").strip(),
            user=request.user,
            address=address_of(request),
        )
    except EngineError as error:
        return _refuse(words_of(error))
    except ValidationError as error:
        return _refuse(error.messages[0])
    ticket = create_ticket(
        user=request.user,
        host=container.host_id,
        container_id=container.container_id,
        action=StreamAction.TERMINAL,
        subject=str(terminal.pk),
        role=role_for_reach() if services.terminal_reach(container) else "",
    )
    return JsonResponse({"ticket": ticket})


def _refuse(message: str) -> HttpResponse:
    return JsonResponse({"error": {"field": "command", "message": message}}, status=REFUSED)
