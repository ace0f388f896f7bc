"""Containers that were removed lately: the list, and what one of them printed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.models import Role
from dashboard.permissions import ROLE_FOR_TRASH_LIMITS, SignedInRequest, require_role
from dashboard.removed import list_removed
from dashboard.views.answers import render_page
from dashboard.views.lists import Chip, hosts_about, offline

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.removed import HostRemoved, RemovedContainer


@require_safe
@require_role(Role.VIEWER)
def container_removed(request: SignedInRequest) -> HttpResponse:
    """List the containers that were removed lately and whose output can still be read."""
    host, text = (request.GET.get(name, "")[:256] for name in ("host", "q"))
    hosts = hosts_about(host)
    found = list_removed(hosts)
    rows = [each for about in found for each in about.containers if _matches(each, text)]
    context = {
        "host": host,
        "text": text,
        "removed": sorted(rows, key=lambda each: each.removed_at, reverse=True),
        "silent": [each for each in found if each.error],
        "hosts": hosts,
        "offline": offline(hosts),
        "kept": {"host": host} if host else {},
        "chips": _chips(host, found),
        "may_limit": request.user.has_role(ROLE_FOR_TRASH_LIMITS),
    }
    return render_page(request, "containers/removed", context)


def show_removed(request: SignedInRequest, container: RemovedContainer) -> HttpResponse:
    """Show what is left of a container that was removed: what it printed, and who did what."""
    about = (container.host_id, "container", container.container_id)
    context = {
        "container": container,
        "sources": [container],
        "entries": selectors.activity_about(*about),
    }
    return render_page(request, "containers/gone", context)


def url_of_removed(host: str) -> str:
    """Return the address of the list, of one host or of all."""
    return reverse("container_removed") + (f"?{urlencode({'host': host})}" if host else "")


def _matches(container: RemovedContainer, text: str) -> bool:
    told = (container.name, container.image_reference, container.owner)
    return container.container_id.startswith(text) or any(
        text.lower() in each.lower() for each in told
    )


def _chips(host: str, found: list[HostRemoved]) -> list[Chip]:
    """Return the way back to those that are there, and this list as the chosen one."""
    totals = selectors.Totals.of(hosts_about(host))
    counts = {
        ("", "All"): totals.containers,
        ("running", "Running"): totals.running,
        ("stopped", "Stopped"): totals.stopped,
    }
    chips = [
        Chip(label, _url_of_list(host, state), is_current=False, count=count)
        for (state, label), count in counts.items()
    ]
    number = sum(len(each.containers) for each in found)
    return [*chips, Chip("Recently removed", url_of_removed(host), is_current=True, count=number)]


def _url_of_list(host: str, state: str) -> str:
    query = urlencode({name: it for name, it in (("host", host), ("state", state)) if it})
    return reverse("containers") + (f"?{query}" if query else "")
