"""What somebody sees who meant to stop, change or remove what belongs to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.errors import BelongsToAnother
from dashboard.permissions import SignedInRequest, may_take, whose
from dashboard.views.answers import render_question

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Container


def explain_owner(
    request: SignedInRequest, owner: str, *, what: str, back_url: str
) -> HttpResponse | None:
    """Return whose *what* is where asking further could only end in a refusal, or else None."""
    if request.method == "POST" or may_take(request.user, owner):
        return None
    context = {"owner": owner, "what": what, "back_url": back_url, "title": "Not yours to remove"}
    return render_question(request, "dashboard/_others.html", context, title=what)


def explain_container(request: SignedInRequest, container: Container) -> HttpResponse | None:
    """Return whose *container* is where it is not for who asks to take, or None."""
    url = container.get_absolute_url()
    return explain_owner(request, container.owner, what=container.name, back_url=url)


def check_owner(request: SignedInRequest, owner: str, *, what: str) -> None:
    """Raise `BelongsToAnother` where who asks may not take *what* is *owner*'s."""
    if not may_take(request.user, owner):
        raise BelongsToAnother(what, whose(owner))
