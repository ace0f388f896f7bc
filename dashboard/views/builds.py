"""Builds: what was built, one of them as it goes on, and asking for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from dashboard import selectors
from dashboard.forms import BuildForm, show_failure
from dashboard.forms.builds import MOST_BYTES, typed_build
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, is_htmx, require_role
from dashboard.templatetags.words import familiar
from dashboard.views.again import asked_before
from dashboard.views.answers import missing_is_404, render_page
from dashboard.views.asking import answer_sent, render_form
from dashboard.views.filing import file_job
from dashboard.views.image_travel import MOST_PIECE
from dashboard.views.jobs import STATES
from dashboard.views.lists import chips_of, hosts_about, list_context, mine_chip, offline

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

    from dashboard.models import Job

MAX_STEP = 32


@require_safe
@require_role(Role.VIEWER)
def builds(request: SignedInRequest) -> HttpResponse:
    """List builds, newest first, with what came out and how long the last ones took."""
    chosen = selectors.BUILDS.parse(request.GET.dict())
    page = selectors.BUILDS.page(chosen)
    chips = [
        *chips_of(request, "state", STATES),
        mine_chip(request, "by", request.user.username),
    ]
    context = list_context(
        request,
        "build",
        chosen,
        page=page,
        builds=selectors.build_rows(page),
        chips=chips,
        offline=offline(hosts_about(chosen.host)),
    )
    return render_page(request, "builds/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def build_detail(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Show one build: its steps, what they print, and what came out or went wrong."""
    job = selectors.build_detail(job_id)
    step = request.GET.get("step", "")[:MAX_STEP].replace("\0", "")
    (build,) = selectors.build_rows([job])
    context = {
        "job": job,
        "build": build,
        "step": step,
        "output": selectors.build_output(job, step=step),
        "offline": offline([job.host]) if job.is_active else [],
    }
    return render_page(request, "builds/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
def build_new(request: SignedInRequest) -> HttpResponse:
    """Ask what to build, and have it built; what cannot be is said at its field."""
    if request.method != "POST":
        return _ask(request, _form_for(request))
    form = _form(request.POST)

    def file() -> Job:
        return file_job(
            request,
            JobName.BUILD_IMAGE,
            form.cleaned_data["host"],
            form.arguments(),
            secrets=form.cleaned_data["secrets"],
        )

    return answer_sent(request, form, file, answer=_open) or _ask(request, form)


def _open(request: HttpRequest, job: Job) -> HttpResponse:
    """Go to the page of a build, which shows more of it than a dialog could."""
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": job.get_absolute_url()})
    return redirect(job)


def _form(*args: Any, **more: Any) -> BuildForm:
    return BuildForm(*args, hosts=selectors.hosts(), credentials=selectors.credentials(), **more)


def _form_for(request: SignedInRequest) -> BuildForm:
    job = asked_before(request, JobName.BUILD_IMAGE)
    if job is None:
        tag = familiar(request.GET.get("tag", ""))
        return _form(initial={"host": request.GET.get("host", ""), "tags": tag})
    form = _form(typed_build(job))
    form.is_valid()
    show_failure(form, job)
    return form


def _ask(request: SignedInRequest, form: BuildForm) -> HttpResponse:
    context = {"piece": MOST_PIECE, "most": MOST_BYTES}
    return render_form(request, "dashboard/builds/_new.html", form, context, title="New build")
