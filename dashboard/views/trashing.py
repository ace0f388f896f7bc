"""Moving one thing to the trash: at once, or after a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dashboard.forms import ConfirmForm
from dashboard.views.answers import (
    REFUSED,
    answer_in_place,
    answer_job,
    in_dialog,
    render_question,
)
from dashboard.views.filing import file_job
from dashboard.views.others import check_owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from dashboard.arguments import Thing
    from dashboard.jobs import JobName
    from dashboard.models import Container, Image, Volume
    from dashboard.permissions import SignedInRequest


@dataclass(frozen=True, slots=True)
class Going:
    """
    What somebody wants moved to the trash, and which job does it.

    *is_held*: something has it, so the host would refuse. *has_effects*: it does not go quietly.
    *more* is what the job is told besides its ID.
    """

    row: Container | Image | Volume
    thing: Thing
    name: str
    owner: str
    job: JobName
    is_held: bool = False
    has_effects: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def view(self) -> str:
        """The view that answers the question about it."""
        return f"{self.thing.kind}_trash"

    @property
    def address(self) -> str:
        """Its ID, as it stands in addresses."""
        return self.thing.id.removeprefix("sha256:")


def answer_trash(
    request: SignedInRequest, going: Going, context: Mapping[str, Any]
) -> HttpResponse:
    """
    Have *going* moved to the trash, unless a question comes first.

    What is somebody else's, held, or does not go quietly is asked about, with its kind's
    `_trash.html` and *context*. Raises `BelongsToAnother` where who asks may not have it at all.
    """
    host, thing = going.row.host_id, going.thing
    check_owner(request, going.owner, host=host, thing=thing, what=going.name)
    answered = request.POST if "sure" in request.POST else None
    form = ConfirmForm(answered, host=host, owner=going.owner, user=request.user)
    is_asked = going.is_held or going.has_effects or "confirm" in form.fields
    if not is_asked or (form.is_bound and form.is_valid()):
        job = file_job(request, going.job, host, {"ids": [thing.id], **going.more})
        return answer_in_place(request, job) if form.is_bound else answer_job(request, job)
    return _ask(request, going, form, context)


def _ask(
    request: SignedInRequest, going: Going, form: ConfirmForm, context: Mapping[str, Any]
) -> HttpResponse:
    response = render_question(
        request,
        f"dashboard/{going.thing.kind}s/_trash.html",
        {**context, "going": going, "form": form},
        title=f"Move {going.name} to the trash",
        status=REFUSED if form.is_bound else 200,
    )
    return response if form.is_bound else in_dialog(response)
