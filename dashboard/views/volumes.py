"""Volumes: the list, one of them, making and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors
from dashboard.arguments import Thing
from dashboard.forms import ConfirmForm, VolumeForm
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import missing_is_404, render_page
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.details import past_of, tab_of
from dashboard.views.filing import file_job
from dashboard.views.inspection import inspect_volume
from dashboard.views.lists import chips_of, hosts_about, list_context, offline
from dashboard.views.others import explain_owner
from dashboard.views.trashing import Going, answer_trash

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Job

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
    context = {
        "volume": volume,
        "users": selectors.volume_users(volume),
        "way": selectors.way_of_volume(volume),
        "tabs": TABS,
        "tab": tab_of(request, TABS),
        "inspect": inspect_volume(volume),
        "offline": offline([volume.host]),
        **past_of(volume.host_id, "volume", volume.name),
    }
    return render_page(request, "volumes/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
def volume_create(request: SignedInRequest) -> HttpResponse:
    """Ask what volume to make, and have it made."""
    initial = {"host": request.GET.get("host", "")}
    form = VolumeForm(sent(request), hosts=selectors.hosts(), initial=initial)

    def file() -> Job:
        host = form.cleaned_data["host"]
        return file_job(request, JobName.CREATE_VOLUME, host, form.arguments())

    return answer_sent(request, form, file) or render_form(
        request, "dashboard/volumes/_create.html", form, title="Create volume"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def volume_remove(request: SignedInRequest, host: str, name: str) -> HttpResponse:
    """Say what removing a volume would lose, and have it removed."""
    volume = selectors.volume_detail(host, name)
    thing = Thing("volume", volume.name)
    if answer := explain_owner(request, volume.owner, host=host, thing=thing):
        return answer
    form = ConfirmForm(sent(request), host=volume.host_id, owner=volume.owner, user=request.user)

    def file() -> Job:
        return file_job(request, JobName.REMOVE_VOLUME, host, {"name": volume.name})

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/volumes/_remove.html",
        form,
        {"volume": volume, "users": selectors.volume_users(volume)},
        title=f"Remove {volume.shown_name}",
    )


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def volume_trash(request: SignedInRequest, host: str, name: str) -> HttpResponse:
    """Have a volume moved to the trash: at once, unless it is in use or somebody else's."""
    volume = selectors.volume_detail(host, name)
    going = Going(
        volume,
        Thing("volume", volume.name),
        volume.shown_name,
        volume.owner,
        JobName.TRASH_VOLUMES,
        is_held=volume.is_used,
    )
    return answer_trash(request, going, {"users": selectors.volume_users(volume)})
