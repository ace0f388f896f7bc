"""The first page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import render_page
from dashboard.views.lists import offline

if TYPE_CHECKING:
    from django.http import HttpResponse


@require_safe
@require_role(Role.VIEWER)
def overview(request: SignedInRequest) -> HttpResponse:
    """Show the hosts, their disks, what builds up, and what happened lately."""
    found = selectors.overview()
    context = {"overview": found, "totals": found.totals, "offline": offline(found.hosts)}
    return render_page(request, "overview/overview", context)
