"""Until when a container is wanted: extended by one click, or as one writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard import selectors
from dashboard.forms import show_refusal
from dashboard.forms.leases import LeaseForm
from dashboard.jobs import JobName
from dashboard.leases import STEPS, extended, render_lease
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import (
    REFUSED,
    answer_in_place,
    answer_job,
    missing_is_404,
    render_question,
)
from dashboard.views.filing import file_job
from dashboard.views.others import explain_container
from engine.errors import EngineError

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from dashboard.models import Container, Job

NEVER = "never"


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_lease(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have the lease of a container longer by a step, without end, or as the form says."""
    container = selectors.container_detail(host, container_id)
    step = request.POST.get("step", "")
    if step in STEPS:
        until = extended(container.expires_at, step, now=timezone.now())
        return answer_job(request, _file(request, container, until))
    if step == NEVER:
        return answer_job(request, _file(request, container, None))
    return explain_container(request, container) or _ask(request, container)


def _ask(request: SignedInRequest, container: Container) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = LeaseForm(data, initial={"lease": render_lease(container.expires_at)})
    if form.is_bound and form.is_valid():
        try:
            job = _file(request, container, form.cleaned_data["lease"])
            return answer_in_place(request, job)
        except EngineError as error:
            show_refusal(form, error)
    return render_question(
        request,
        "dashboard/containers/_lease.html",
        {"container": container, "form": form},
        title=f"Lease of {container.name}",
        status=REFUSED if form.is_bound else 200,
    )


def _file(request: SignedInRequest, container: Container, until: datetime | None) -> Job:
    told = {"container_id": container.container_id, "until": until.isoformat() if until else ""}
    return file_job(request, JobName.LEASE_CONTAINER, container.host_id, told)
