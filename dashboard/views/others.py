"""What somebody sees who meant to stop, change or remove what belongs to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.arguments import Thing
from dashboard.errors import BelongsToAnother
from dashboard.forms.questions import AskOwnerForm
from dashboard.models import OwnerQuestion
from dashboard.permissions import SignedInRequest, granted, may_take, whose
from dashboard.selectors.owners import find_owned
from dashboard.views.answers import render_question

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Container
    from dashboard.selectors.owners import Owned


def explain_owner(
    request: SignedInRequest, owner: str, *, host: str, thing: Thing, is_removal: bool = True
) -> HttpResponse | None:
    """
    Return whose *thing* is, with a way to ask for it, where going on could only be refused.

    None where who asks may take it, or remove it because its owner let it go.
    """
    if request.method == "POST" or may_take(request.user, owner):
        return None
    if is_removal and granted(request.user, host, {thing: owner}):
        return None
    return render_others(request, find_owned(host, thing))


def explain_container(
    request: SignedInRequest, container: Container, *, is_removal: bool = False
) -> HttpResponse | None:
    """Return the same for *container*."""
    thing = Thing("container", container.container_id)
    return explain_owner(
        request, container.owner, host=container.host_id, thing=thing, is_removal=is_removal
    )


def render_others(request: SignedInRequest, owned: Owned) -> HttpResponse:
    """Return whose it is, what was asked and said about it, and a way to ask."""
    asked = OwnerQuestion.objects.select_related("answered_by").filter(
        host_id=owned.host,
        kind=owned.thing.kind,
        object_id=owned.thing.id,
        asked_by=request.user,
        used_at=None,
    )
    context = {"owned": owned, "question": asked.first(), "form": AskOwnerForm()}
    return render_question(request, "dashboard/_others.html", context, title=owned.name)


def check_owner(
    request: SignedInRequest, owner: str, *, host: str, thing: Thing, what: str
) -> None:
    """Raise `BelongsToAnother` where who asks may not remove *what*, and it was not let go."""
    if not may_take(request.user, owner) and not granted(request.user, host, {thing: owner}):
        raise BelongsToAnother(what, whose(owner))
