"""What stands around every page: navigation, hosts, recent jobs, the person's theme."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from dashboard import selectors
from dashboard.models import Role

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import Context
    from django.utils.safestring import SafeString

    from dashboard.models import Host, Job, Notification

register = template.Library()

RECENT = 12
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation; `key` is the letter that follows `g`."""

    name: str
    label: str
    icon: str
    key: str
    is_minor: bool = False
    starts_group: bool = False
    url: str = ""
    is_current: bool = False


NAVIGATION = (
    NavItem("overview", "Overview", "overview", "o"),
    NavItem("containers", "Containers", "container", "c"),
    NavItem("images", "Images", "image", "i"),
    NavItem("layers", "Layers", "treemap", "l", is_minor=True),
    NavItem("builds", "Builds", "build", "b"),
    NavItem("volumes", "Volumes", "volume", "v", is_minor=True),
    NavItem("networks", "Networks", "network", "n", is_minor=True),
    NavItem("cleanup", "Clean-up", "sweep", "u"),
    NavItem("jobs", "Jobs", "job", "j"),
    NavItem("activity", "Activity", "activity", "a", is_minor=True),
    NavItem("hosts", "Hosts", "host", "h", is_minor=True, starts_group=True),
    NavItem("registries", "Registries", "registry", "r", is_minor=True),
    NavItem("team", "Team", "team", "t", is_minor=True),
)
# Which page a view without an entry of its own belongs to.
_PARENTS = {
    "container": "containers",
    "image": "images",
    "layer": "layers",
    "build": "builds",
    "volume": "volumes",
    "network": "networks",
    "registry": "registries",
    "job": "jobs",
    "cleanup": "cleanup",
    "trash": "cleanup",
    "policies": "cleanup",
    "policy": "cleanup",
}
# The pages that can show one host only.
_BY_HOST = (
    "containers",
    "images",
    "layers",
    "builds",
    "volumes",
    "networks",
    "cleanup",
    "jobs",
    "activity",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame of one page shows."""

    navigation: tuple[NavItem, ...]
    hosts: tuple[Host, ...]
    chosen_host: str
    switches_to: str
    jobs: tuple[Job, ...]
    notifications: tuple[Notification, ...]
    unread_count: int

    @property
    def active_count(self) -> int:
        """How many of the jobs shown have not ended."""
        return sum(job.is_active for job in self.jobs)

    @property
    def has_one_host(self) -> bool:
        """Whether a column of host names would say the same in every row."""
        return len(self.hosts) < 2


@register.simple_tag(takes_context=True)
def get_frame(context: Context) -> Frame:
    """Return what stands around the page, in four queries."""
    request = context["request"]
    hosts = selectors.hosts()
    asked = request.GET.get("host", "")
    chosen = asked if any(host.name == asked for host in hosts) else ""
    here = _page_of(request)
    return Frame(
        navigation=tuple(_entries(here, chosen, is_admin=request.user.has_role(Role.ADMIN))),
        hosts=hosts,
        chosen_host=chosen,
        switches_to=reverse(here if here in _BY_HOST else "containers"),
        jobs=selectors.recent_jobs(limit=RECENT),
        notifications=selectors.latest_notifications(request.user),
        unread_count=selectors.unread_count(request.user.pk),
    )


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString | str:
    """Return the attribute that draws the page in the theme that this person chose."""
    request = context.get("request")
    theme = request.COOKIES.get("theme", "") if request else ""
    return format_html(' data-theme="{}"', theme) if theme in THEMES else ""


def _page_of(request: HttpRequest) -> str:
    match: Any = request.resolver_match
    name = (match.url_name if match else "") or ""
    return _PARENTS.get(name.partition("_")[0], name)


def _entries(here: str, host: str, *, is_admin: bool) -> list[NavItem]:
    entries = []
    for item in NAVIGATION:
        if item.name == "team" and not is_admin:
            continue
        url = reverse(item.name)
        if host and item.name in _BY_HOST:
            url += f"?{urlencode({'host': host})}"
        entries.append(replace(item, url=url, is_current=item.name == here))
    return entries
