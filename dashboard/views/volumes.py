"""Volumes: the list, one of them, making and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors
from dashboard.arguments import Thing
from dashboard.forms import ConfirmForm, VolumeForm, show_refusal
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import (
    REFUSED,
    answer_in_place,
    answer_job,
    in_dialog,
    missing_is_404,
    render_page,
    render_question,
)
from dashboard.views.filing import file_job
from dashboard.views.inspection import inspect_volume
from dashboard.views.lists import chips_of, hosts_about, list_context, offline
from dashboard.views.others import check_owner, explain_owner
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpResponse

    from dashboard.models import Volume

TABS = (("overview", "Overview"), ("inspect", "Inspect"), ("activity", "Activity"))


@require_safe
@require_role(Role.VIEWER)
def volumes(request: SignedInRequest) -> HttpResponse:
    """List volumes: who uses them, and what they hold."""
    chosen = selectors.VOLUMES.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    totals = selectors.Totals.of(hosts)
    options = (
        ("", "All", totals.volumes),
        ("used", "In use", totals.volumes - totals.unused_volumes),
        ("unused", "No container uses", totals.unused_volumes),
        ("anonymous", "Anonymous", None),
    )
    context = list_context(
        request,
        "volume",
        chosen,
        page=selectors.VOLUMES.page(chosen),
        totals=totals,
        offline=offline(hosts),
        chips=chips_of(request, "show", options),
    )
    return render_page(request, "volumes/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def volume_detail(request: SignedInRequest, host: str, name: str) -> HttpResponse:
    """Show one volume: who uses it, where it is, what it holds."""
    volume = selectors.volume_detail(host, name)
    asked = request.GET.get("tab", "")
    about = (volume.host_id, "volume", volume.name)
    context = {
        "volume": volume,
        "users": selectors.volume_users(volume),
        "way": selectors.way_of_volume(volume),
        "tabs": TABS,
        "tab": asked if asked in dict(TABS) else "overview",
        "inspect": inspect_volume(volume),
        "entries": selectors.activity_about(*about),
        "jobs": selectors.jobs_about(*about),
        "offline": offline([volume.host]),
    }
    return render_page(request, "volumes/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
def volume_create(request: SignedInRequest) -> HttpResponse:
    """Ask what volume to make, and have it made."""
    hosts = selectors.hosts()
    if request.method != "POST":
        initial = {"host": request.GET.get("host", "")}
        return _ask_what_to_make(request, VolumeForm(hosts=hosts, initial=initial))
    form = VolumeForm(request.POST, hosts=hosts)
    if not form.is_valid():
        return _ask_what_to_make(request, form, status=REFUSED)
    try:
        job = file_job(request, JobName.CREATE_VOLUME, form.cleaned_data["host"], form.arguments())
    except EngineError as error:
        show_refusal(form, error)
        return _ask_what_to_make(request, form, status=REFUSED)
    return answer_in_place(request, job)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def volume_remove(request: SignedInRequest, host: str, name: str) -> HttpResponse:
    """Say what removing a volume would lose, and have it removed."""
    volume = selectors.volume_detail(host, name)
    thing = Thing("volume", volume.name)
    if answer := explain_owner(request, volume.owner, host=host, thing=thing):
        return answer
    data = request.POST if request.method == "POST" else None
    form = ConfirmForm(data, host=volume.host_id, owner=volume.owner, user=request.user)
    if data is None or not form.is_valid():
        return _ask_to_remove(request, volume, form, status=200 if data is None else REFUSED)
    try:
        job = file_job(request, JobName.REMOVE_VOLUME, host, {"name": volume.name})
    except EngineError as error:
        show_refusal(form, error)
        return _ask_to_remove(request, volume, form, status=REFUSED)
    return answer_in_place(request, job)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def volume_trash(request: SignedInRequest, host: str, name: str) -> HttpResponse:
    """Have a volume moved to the trash: at once, unless it is in use or somebody else's."""
    volume = selectors.volume_detail(host, name)
    thing = Thing("volume", volume.name)
    check_owner(request, volume.owner, host=host, thing=thing, what=volume.shown_name)
    form = ConfirmForm(
        request.POST if "sure" in request.POST else None,
        host=volume.host_id,
        owner=volume.owner,
        user=request.user,
    )
    needs_question = volume.is_used or "confirm" in form.fields
    if not needs_question or (form.is_bound and form.is_valid()):
        told = {"ids": [volume.name]}
        job = file_job(request, JobName.TRASH_VOLUMES, volume.host_id, told)
        return answer_in_place(request, job) if form.is_bound else answer_job(request, job)
    response = render_question(
        request,
        "dashboard/volumes/_trash.html",
        {"volume": volume, "users": selectors.volume_users(volume), "form": form},
        title=f"Move {volume.shown_name} to the trash",
        status=REFUSED if form.is_bound else 200,
    )
    return response if form.is_bound else in_dialog(response)


def _ask_what_to_make(request: SignedInRequest, form: Form, status: int = 200) -> HttpResponse:
    return render_question(
        request,
        "dashboard/volumes/_create.html",
        {"form": form},
        title="Create volume",
        status=status,
    )


def _ask_to_remove(
    request: SignedInRequest, volume: Volume, form: Form, status: int = 200
) -> HttpResponse:
    context = {"volume": volume, "users": selectors.volume_users(volume), "form": form}
    return render_question(
        request,
        "dashboard/volumes/_remove.html",
        context,
        title=f"Remove {volume.shown_name}",
        status=status,
    )
