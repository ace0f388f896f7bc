"""Until when a container is wanted: extended by one click, or as one writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard import selectors
from dashboard.forms.leases import LeaseForm
from dashboard.jobs import JobName
from dashboard.leases import STEPS, extended, render_lease
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import (
    answer_job,
    missing_is_404,
)
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.filing import file_job
from dashboard.views.others import explain_container

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
    form = LeaseForm(sent(request), initial={"lease": render_lease(container.expires_at)})

    def file() -> Job:
        return _file(request, container, form.cleaned_data["lease"])

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/containers/_lease.html",
        form,
        {"container": container},
        title=f"Lease of {container.name}",
    )


def _file(request: SignedInRequest, container: Container, until: datetime | None) -> Job:
    told = {"container_id": container.container_id, "until": until.isoformat() if until else ""}
    return file_job(request, JobName.LEASE_CONTAINER, container.host_id, told)
