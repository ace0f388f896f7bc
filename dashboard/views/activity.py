"""The audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import render_page
from dashboard.views.lists import chips_of, list_context, mine_chip, other_chips

if TYPE_CHECKING:
    from django.http import HttpResponse

OUTCOMES = (
    ("", "All", None),
    ("requested", "Under way", None),
    ("succeeded", "Succeeded", None),
    ("failed", "Failed", None),
    ("cancelled", "Cancelled", None),
)


@require_safe
@require_role(Role.VIEWER)
def activity(request: SignedInRequest) -> HttpResponse:
    """List who did what."""
    chosen = selectors.ACTIVITY.parse(request.GET.dict())
    mine = mine_chip(request, "who", request.user.username)
    others = {"action": "Action"} if mine.is_current else {"who": "Who", "action": "Action"}
    chips = [*chips_of(request, "outcome", OUTCOMES), mine, *other_chips(request, others)]
    context = list_context(
        request, "entry", chosen, page=selectors.ACTIVITY.page(chosen), chips=chips
    )
    return render_page(request, "activity/list", context)
