"""Containers: the list, one of them, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors, services
from dashboard.forms import RemoveContainerForm, show_refusal
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import (
    REFUSED,
    address_of,
    answer_in_place,
    answer_job,
    missing_is_404,
    render_page,
    render_question,
)
from dashboard.views.inspection import inspect_container
from dashboard.views.lists import (
    chips_of,
    hosts_about,
    list_context,
    mine_chip,
    offline,
    other_chips,
)
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Container

TABS = (
    ("overview", "Overview"),
    ("logs", "Logs"),
    ("config", "Config"),
    ("activity", "Activity"),
)


@require_safe
@require_role(Role.VIEWER)
def containers(request: SignedInRequest) -> HttpResponse:
    """List containers; stopped ones alone come as cards that say why."""
    chosen = selectors.ContainerFilter.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    totals = selectors.Totals.of(hosts)
    options = (
        ("", "All", totals.containers),
        ("running", "Running", totals.running),
        ("stopped", "Stopped", totals.stopped),
    )
    context = list_context(
        request,
        chosen,
        page=selectors.containers(chosen),
        totals=totals,
        offline=offline(hosts),
        chips=[
            *chips_of(request, "state", options),
            mine_chip(request, "owner", request.user.username),
            *other_chips(request, {"image": "Image"}),
        ],
    )
    return render_page(request, "containers/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_detail(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show one container, by parts."""
    container = selectors.container_detail(host, container_id)
    asked = request.GET.get("tab", "")
    tab = asked if asked in dict(TABS) else "overview"
    context: dict[str, Any] = {
        "container": container,
        "tabs": TABS,
        "tab": tab,
        "offline": offline([container.host]),
    }
    if tab == "config":
        context["inspect"] = inspect_container(container)
    if tab == "activity":
        about = (container.host_id, "container", container.container_id)
        context["entries"] = selectors.activity_about(*about)
        context["jobs"] = selectors.jobs_about(*about)
    return render_page(request, "containers/detail", context)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_start(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have a container started."""
    return _file(request, JobName.START_CONTAINER, host, container_id)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_stop(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have a container stopped."""
    return _file(request, JobName.STOP_CONTAINER, host, container_id)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_kill(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have a container's program ended at once."""
    return _file(request, JobName.KILL_CONTAINER, host, container_id)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_remove(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Say what removing a container would lose, and have it removed."""
    container = selectors.container_detail(host, container_id)
    data = request.POST if request.method == "POST" else None
    form = RemoveContainerForm(data, container=container, user=request.user)
    if data is None:
        return _ask_to_remove(request, container, form)
    if not form.is_valid():
        return _ask_to_remove(request, container, form, status=REFUSED)
    told = {"container_id": container.container_id, "force": container.is_running}
    try:
        job = services.request_job(
            name=JobName.REMOVE_CONTAINER,
            host=host,
            arguments=told,
            user=request.user,
            address=address_of(request),
        )
    except EngineError as error:
        show_refusal(form, error)
        return _ask_to_remove(request, container, form, status=REFUSED)
    return answer_in_place(request, job)


def _file(request: SignedInRequest, name: JobName, host: str, container_id: str) -> HttpResponse:
    container = selectors.container_detail(host, container_id)
    job = services.request_job(
        name=name,
        host=host,
        arguments={"container_id": container.container_id},
        user=request.user,
        address=address_of(request),
    )
    return answer_job(request, job)


def _ask_to_remove(
    request: SignedInRequest, container: Container, form: RemoveContainerForm, status: int = 200
) -> HttpResponse:
    context = {"container": container, "form": form}
    return render_question(
        request,
        "dashboard/containers/_remove.html",
        context,
        title=f"Remove {container.name}",
        status=status,
    )
