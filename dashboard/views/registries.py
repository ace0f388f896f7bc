"""
Registries: passwords, whether they are accepted, and what there is to pull.

No web process speaks to a registry. A host that answers looks there, with the password that only it
can read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors, services
from dashboard.agents import Question, ask
from dashboard.errors import CredentialNotFound, NoHostAnswers
from dashboard.forms import words_of
from dashboard.forms.registries import BrowseForm, CredentialForm
from dashboard.models import Role
from dashboard.permissions import ROLE_FOR_CREDENTIALS, SignedInRequest, require_role
from dashboard.views.answers import REFUSED, address_of, missing_is_404, render_page
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import RegistryCredential

TAGS_SHOWN = 500
REPOSITORIES_SHOWN = 500
BROWSE_SECONDS = 20.0


@require_safe
@require_role(Role.VIEWER)
def registries(request: SignedInRequest) -> HttpResponse:
    """List the registries that the team has passwords for."""
    return _show(request, CredentialForm())


@require_http_methods(["POST"])
@require_role(ROLE_FOR_CREDENTIALS)
def registry_add(request: SignedInRequest) -> HttpResponse:
    """Keep a password, encrypted, and find out whether it is accepted."""
    form = CredentialForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=REFUSED)
    credential = services.save_credential(
        **form.cleaned_data, user=request.user, address=address_of(request)
    )
    _test(request, credential)
    return redirect("registries")


@require_POST
@require_role(ROLE_FOR_CREDENTIALS)
@missing_is_404
def registry_test(request: SignedInRequest, credential_id: int) -> HttpResponse:
    """Find out whether a password is accepted."""
    _test(request, selectors.get_credential(credential_id))
    return redirect("registries")


@require_POST
@require_role(ROLE_FOR_CREDENTIALS)
@missing_is_404
def registry_remove(request: SignedInRequest, credential_id: int) -> HttpResponse:
    """Forget a password."""
    credential = selectors.get_credential(credential_id)
    services.delete_credential(
        credential=credential, user=request.user, address=address_of(request)
    )
    messages.success(request, f"The password of {credential} is forgotten.")
    return redirect("registries")


@require_safe
@require_role(Role.OPERATOR)
def registry_browse(request: SignedInRequest) -> HttpResponse:
    """Show the repositories of a registry, or the tags of one of them, as a host sees them."""
    form = BrowseForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "credentials": selectors.credentials(),
        # What a template falls back to has to be there.
        "registry": "",
        "repository": "",
    }
    if form.is_valid():
        chosen = selectors.find_credential(form.cleaned_data["registry"])
        context |= {"credential": chosen, **form.cleaned_data}
        try:
            context |= _found(form.cleaned_data, chosen, text=request.GET.get("q", "").strip())
        except EngineError as error:
            context["error"] = words_of(error)
    return render_page(request, "registries/browse", context)


def _found(
    told: dict[str, str], credential: RegistryCredential | None, *, text: str
) -> dict[str, Any]:
    arguments = {
        "registry": told["registry"],
        "repository": told["repository"],
        "credentials_id": credential.pk if credential else None,
    }
    is_tags = bool(told["repository"])
    question = Question.REGISTRY_TAGS if is_tags else Question.REGISTRY_REPOSITORIES
    host = answering_host()
    answer = ask(host, question, arguments, patience=BROWSE_SECONDS)
    names = [name for name in answer["names"] if text.lower() in name.lower()]
    most = TAGS_SHOWN if is_tags else REPOSITORIES_SHOWN
    return {
        "names": names[:most],
        "count": len(names),
        "has_more": len(names) > most or answer["has_more"],
        "seen_from": host,
        "text": text,
        "kept": {name: told[name] for name in ("registry", "repository") if told[name]},
    }


def answering_host() -> str:
    """Return a host that reported lately; raise `NoHostAnswers` where there is none."""
    for host in selectors.hosts():
        if host.is_online:
            return host.name
    raise NoHostAnswers


def _test(request: SignedInRequest, credential: RegistryCredential) -> None:
    told = {"registry": credential.registry, "credentials_id": credential.pk}
    try:
        ask(answering_host(), Question.REGISTRY_CHECK, told, patience=BROWSE_SECONDS)
    except (NoHostAnswers, CredentialNotFound) as error:
        messages.error(request, words_of(error))
    except EngineError as error:
        services.note_check(credential=credential, is_accepted=False, message=words_of(error))
        messages.error(request, f"{credential}: {words_of(error)}")
    else:
        services.note_check(credential=credential, is_accepted=True)
        messages.success(request, f"{credential.registry} accepts {credential.username}.")


def _show(request: SignedInRequest, form: CredentialForm, status: int = 200) -> HttpResponse:
    context = {"credentials": selectors.credentials(), "form": form}
    return render_page(request, "registries/list", context, status=status)
