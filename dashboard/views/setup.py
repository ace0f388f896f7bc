"""The first account, made by right of the one-time token that `./shipshape up` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard import services
from dashboard.errors import SetupClosed
from dashboard.forms import SetupForm
from dashboard.forms.people import show_invalid
from dashboard.services.accounts import ASK_FOR_ANOTHER
from dashboard.views.answers import REFUSED, address_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@sensitive_post_parameters("token", "password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Ask for a name and a password, make the first account, and sign it in."""
    if request.method != "POST":
        return _ask(request, SetupForm(initial={"token": request.GET.get("token", "")}))
    form = SetupForm(request.POST)
    if not form.is_valid():
        return _ask(request, form, status=REFUSED)
    told = form.cleaned_data
    try:
        user = services.create_first_account(
            token=told["token"],
            username=told["username"],
            password=told["password"],
            address=address_of(request),
        )
    except SetupClosed as error:
        return _closed(request, error)
    except ValidationError as error:
        show_invalid(form, error)
        return _ask(request, form, status=REFUSED)
    login(request, user, backend=BACKEND)
    return redirect("overview")


def _ask(request: HttpRequest, form: SetupForm, status: int = 200) -> HttpResponse:
    if not services.is_setup_open(str(form["token"].value() or "")):
        closed = SetupClosed("This set-up link does not work (any more)", remedy=ASK_FOR_ANOTHER)
        return _closed(request, closed)
    context = {"form": form, "is_open": True}
    return render(request, "dashboard/setup/setup.html", context, status=status)


def _closed(request: HttpRequest, error: SetupClosed) -> HttpResponse:
    context = {"closed": error, "is_open": False}
    return render(request, "dashboard/setup/setup.html", context, status=403)
