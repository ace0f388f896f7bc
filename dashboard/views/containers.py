"""Containers: the list, and one of them by parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.removed import RemovedContainer, find_printed
from dashboard.views.answers import missing_is_404, render_page
from dashboard.views.details import past_of, tab_of
from dashboard.views.inspection import inspect_container
from dashboard.views.lists import (
    Chip,
    chips_of,
    hosts_about,
    list_context,
    mine_chip,
    offline,
    other_chips,
)
from dashboard.views.removed import show_removed, url_of_removed

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Container

TABS = (
    ("overview", "Overview"),
    ("logs", "Logs"),
    ("console", "Console"),
    ("changes", "Changes"),
    ("config", "Config"),
    ("activity", "Activity"),
)

BULK_VERBS = (
    ("start", "Start", "play"),
    ("stop", "Stop", "stop"),
    ("restart", "Restart", "loop"),
    ("trash", "Trash", "trash"),
    ("remove", "Remove for good", "x"),
)

LEASE_STEPS = (("day", "A day longer"), ("week", "A week longer"), ("never", "No end"))


@require_safe
@require_role(Role.VIEWER)
def containers(request: SignedInRequest) -> HttpResponse:
    """List containers; stopped ones alone come as cards that say why."""
    chosen = selectors.CONTAINERS.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    totals = selectors.Totals.of(hosts)
    options = (
        ("", "All", totals.containers),
        ("running", "Running", totals.running),
        ("stopped", "Stopped", totals.stopped),
    )
    gone = Chip("Recently removed", url_of_removed(chosen.host), is_current=False)
    context = list_context(
        request,
        "container",
        chosen,
        page=selectors.CONTAINERS.page(chosen),
        totals=totals,
        offline=offline(hosts),
        bulk_verbs=BULK_VERBS,
        chips=[
            *chips_of(request, "state", options),
            gone,
            mine_chip(request, "owner", request.user.username),
            *other_chips(request, {"image": "Image"}),
        ],
    )
    return render_page(request, "containers/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_detail(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show one container, by parts; of one that was removed lately, what it printed."""
    container = find_printed(host, container_id)
    if isinstance(container, RemovedContainer):
        return show_removed(request, container)
    tab = tab_of(request, TABS)
    context: dict[str, Any] = {
        "container": container,
        "tabs": TABS,
        "tab": tab,
        "offline": offline([container.host]),
        **_part(container, tab),
    }
    return render_page(request, "containers/detail", context)


def _part(container: Container, tab: str) -> dict[str, Any]:
    if tab == "overview":
        return {
            "mounts": selectors.mounts_of(container),
            "networks": selectors.networks_of(container),
            "lease_steps": LEASE_STEPS,
        }
    if tab == "logs":
        return {"sources": [container]}
    if tab == "config":
        return {"inspect": inspect_container(container)}
    if tab == "activity":
        return past_of(container.host_id, "container", container.container_id)
    return {}
