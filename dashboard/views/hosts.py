"""The machines."""

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
def hosts(request: SignedInRequest) -> HttpResponse:
    """Show every host with its disk and its facts."""
    found = selectors.hosts()
    return render_page(request, "hosts/list", {"hosts": found, "offline": offline(found)})
