"""Launching a container: a dialog, or a page where there is no script."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_http_methods, require_POST

from dashboard import selectors
from dashboard.forms import LaunchForm, show_failure, words_without_field
from dashboard.forms.launch_typed import typed_launch, typed_settings
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.templatetags.words import familiar
from dashboard.views.again import asked_before
from dashboard.views.answers import missing_is_404
from dashboard.views.asking import answer_sent, render_form
from dashboard.views.filing import file_job
from engine.errors import EngineError
from engine.settings.docker_run import RunLine, parse_docker_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpResponse

    from dashboard.models import Host, Job

OFFERED = 200


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_launch(request: SignedInRequest) -> HttpResponse:
    """Ask what to launch, and have it launched; what cannot be is said at its field."""
    hosts = selectors.hosts()
    if request.method != "POST":
        return _ask(request, _form_for(request, hosts), hosts)
    form = LaunchForm(request.POST, hosts=hosts)

    def file() -> Job:
        return file_job(
            request,
            JobName.LAUNCH_CONTAINER,
            form.cleaned_data["host"],
            form.arguments(),
            idempotency_key=form.cleaned_data["request_key"],
        )

    return answer_sent(request, form, file) or _ask(request, form, hosts)


@require_POST
@require_role(Role.OPERATOR)
def container_paste(request: SignedInRequest) -> HttpResponse:
    """Fill the form with what a `docker run` line says, or say at the line what it cannot say."""
    hosts = selectors.hosts()
    try:
        line = parse_docker_run(request.POST.get("line", ""))
    except EngineError as error:
        form = LaunchForm(request.POST, hosts=hosts)
        form.show_only("line", words_without_field(error))
        return _ask(request, form, hosts)
    told = line.settings.to_json()
    typed = typed_launch(request.POST.get("host", ""), told)
    initial = {**typed, "name": told.get("name", ""), "image": familiar(typed["image"])}
    return _ask(request, LaunchForm(hosts=hosts, initial=initial), hosts, filled=line)


def _form_for(request: SignedInRequest, hosts: Sequence[Host]) -> LaunchForm:
    job = asked_before(request, JobName.LAUNCH_CONTAINER)
    if job is None:
        return LaunchForm(hosts=hosts, initial=_initial(request))
    form = LaunchForm({**_as_asked_before(job), "request_key": uuid.uuid4().hex}, hosts=hosts)
    form.is_valid()
    show_failure(form, job)
    return form


def _initial(request: SignedInRequest) -> dict[str, Any]:
    host, again = request.GET.get("host", ""), request.GET.get("again", "")
    if again:
        settings = typed_settings(selectors.container_detail(host, again))
        return {**settings, "image": familiar(settings["image"])}
    wanted: dict[str, Any] = {"host": host, "image": familiar(request.GET.get("image", ""))}
    if volume := request.GET.get("volume", ""):
        wanted["mounts"] = f"{volume}:/data"
    if network := request.GET.get("network", ""):
        wanted["network"] = network
    if request.GET.get("shell"):
        wanted |= {"entrypoint": "/bin/sh", "tty": True, "open_stdin": True, "auto_remove": True}
    return wanted


def _as_asked_before(job: Job) -> dict[str, Any]:
    settings = job.arguments["settings"]
    typed = typed_launch(job.host_id, settings)
    return {**typed, "name": settings.get("name", ""), "image": familiar(typed["image"])}


def _ask(
    request: SignedInRequest,
    form: LaunchForm,
    hosts: Sequence[Host],
    filled: RunLine | None = None,
) -> HttpResponse:
    chosen = str(form["host"].value() or (hosts[0].name if hosts else ""))
    context = {
        "filled": filled,
        "known_images": selectors.image_names(chosen, limit=OFFERED),
        "known_networks": selectors.network_names(chosen, limit=OFFERED),
    }
    return render_form(
        request, "dashboard/containers/_launch.html", form, context, title="Launch container"
    )
