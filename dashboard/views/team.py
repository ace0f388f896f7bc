"""People and their roles: for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import selectors, services
from dashboard.errors import LastAdmin
from dashboard.forms import PersonForm, words_of
from dashboard.forms.people import show_invalid
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import REFUSED, address_of, missing_is_404, render_page

if TYPE_CHECKING:
    from dashboard.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.ADMIN)
def team(request: SignedInRequest) -> HttpResponse:
    """List people, and add one."""
    if request.method != "POST":
        return _show(request, PersonForm())
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=REFUSED)
    told = form.cleaned_data
    try:
        person = services.add_person(
            username=told["username"],
            password=told["password"],
            email=told["email"],
            role=Role(told["role"]),
            user=request.user,
            address=address_of(request),
        )
    except ValidationError as error:
        show_invalid(form, error)
        return _show(request, form, status=REFUSED)
    messages.success(request, f"{person.username} may come in now. Hand the password over safely.")
    return redirect("team")


@require_POST
@require_role(Role.ADMIN)
@missing_is_404
def team_change(request: SignedInRequest, account_id: int) -> HttpResponse:
    """Change somebody's role, shut them out, or let them in again."""
    person = selectors.get_person(account_id)
    try:
        if not _change(request, person):
            return HttpResponseBadRequest("unknown change")
    except LastAdmin as error:
        messages.error(request, words_of(error))
    return redirect("team")


def _change(request: SignedInRequest, person: User) -> bool:
    action, role = request.POST.get("action"), request.POST.get("role")
    user, address = request.user, address_of(request)
    if action == "role" and role in Role.values:
        services.change_role(account=person, role=Role(role), user=user, address=address)
    elif action == "deactivate":
        services.deactivate_person(account=person, user=user, address=address)
    elif action == "reactivate":
        services.reactivate_person(account=person, user=user, address=address)
    else:
        return False
    return True


def _show(request: SignedInRequest, form: PersonForm, status: int = 200) -> HttpResponse:
    context = {"people": selectors.people(), "form": form, "roles": Role.choices}
    return render_page(request, "team/team", context, status=status)
