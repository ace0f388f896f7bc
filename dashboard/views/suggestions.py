"""What the field for an image offers while somebody types: the host's images and known tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.agents import Question, ask
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.templatetags.words import familiar
from dashboard.views.registries import answering_host
from engine.errors import EngineError
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from django.http import HttpResponse

OFFERED = 200
TAGS_OFFERED = 50
PATIENCE_SECONDS = 3.0


@never_cache
@require_safe
@require_role(Role.OPERATOR)
def image_suggestions(request: SignedInRequest) -> HttpResponse:
    """Offer images of the host, and the tags of a repository at a registry that is known here."""
    text = request.GET.get("image", "").strip()[:255]
    known = selectors.image_names(request.GET.get("host", ""), limit=OFFERED)
    local = [familiar(tag.reference) for tag in known]
    names = list(dict.fromkeys([*local, *(_remote(text) if ":" in text else ())]))
    return render(request, "dashboard/containers/_suggestions.html", {"names": names})


def _remote(text: str) -> list[str]:
    """Return the tags of the repository in *text*; none where nobody can say soon."""
    try:
        reference = Reference.parse(text.rstrip(":"))
        credential = selectors.find_credential(reference.registry)
        if credential is None:
            return []
        told = {
            "registry": reference.registry,
            "repository": reference.repository,
            "credentials_id": credential.pk,
        }
        host = answering_host()
        found = ask(host, Question.REGISTRY_TAGS, told, patience=PATIENCE_SECONDS)
    except EngineError:
        return []
    name = f"{reference.registry}/{reference.repository}"
    return [f"{familiar(name)}:{tag}" for tag in found["names"][:TAGS_OFFERED]]
