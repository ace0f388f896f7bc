"""Jobs: the list, one of them, and cancelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors, services
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, is_htmx, require_role
from dashboard.views.answers import address_of, missing_is_404, render_page
from dashboard.views.lists import chips_of, list_context, mine_chip

if TYPE_CHECKING:
    from uuid import UUID

STATES = (
    ("", "All", None),
    ("active", "Active", None),
    ("succeeded", "Succeeded", None),
    ("failed", "Failed", None),
    ("cancelled", "Cancelled", None),
)


@require_safe
@require_role(Role.VIEWER)
def jobs(request: SignedInRequest) -> HttpResponse:
    """List jobs, newest first."""
    chosen = selectors.JOBS.parse(request.GET.dict())
    chips = [
        *chips_of(request, "state", STATES),
        mine_chip(request, "by", request.user.username),
    ]
    context = list_context(request, "job", chosen, page=selectors.JOBS.page(chosen), chips=chips)
    return render_page(request, "jobs/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def job_detail(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Show one job: progress, outcome or error, log."""
    job = selectors.job_detail(job_id)
    context = {"job": job, "log": selectors.job_log(job)}
    return render_page(request, "jobs/detail", context)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def job_cancel(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Ask a job to stop; its row says so on every open page."""
    job = selectors.job_detail(job_id)
    services.cancel_job(job=job, user=request.user, address=address_of(request))
    return HttpResponse(status=204) if is_htmx(request) else redirect(job)
