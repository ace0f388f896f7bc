"""What all lists share: filters as chips in the URL, hosts, and where new rows go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard import selectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from dashboard.models import Host


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that one click sets or clears."""

    label: str
    url: str
    is_current: bool
    count: int | None = None


def chips_of(
    request: HttpRequest, key: str, options: Iterable[tuple[str, str, int | None]]
) -> list[Chip]:
    """Return a chip for each (value, label, count) of the filter *key*; all other filters stay."""
    chosen = request.GET.get(key, "")
    return [
        Chip(label, url_with(request, key, value), chosen == value, count)
        for value, label, count in options
    ]


def mine_chip(request: HttpRequest, key: str, name: str) -> Chip:
    """Return the chip that leaves only what *name* did; a second click lets all in again."""
    is_current = request.GET.get(key) == name
    return Chip("Mine", url_with(request, key, "" if is_current else name), is_current)


def other_chips(request: HttpRequest, labels: dict[str, str]) -> list[Chip]:
    """Return a chip for each filter in the URL that no other chip shows; a click clears it."""
    return [
        Chip(f"{label}: {request.GET[key]}", url_with(request, key, ""), is_current=True)
        for key, label in labels.items()
        if request.GET.get(key)
    ]


def url_with(request: HttpRequest, key: str, value: str) -> str:
    """Return this list's address with the filter *key* set to *value*, from its first page."""
    query = request.GET.copy()
    query.pop("page", None)
    query.pop(key, None)
    if value:
        query[key] = value
    return f"?{query.urlencode()}" if query else request.path


def kept_filters(request: HttpRequest) -> dict[str, str]:
    """Return the filters that stay while another text is typed."""
    return {key: value for key, value in request.GET.dict().items() if key not in {"q", "page"}}


def hosts_about(chosen: str) -> tuple[Host, ...]:
    """Return the hosts that a page is about: the chosen one, or all."""
    return tuple(host for host in selectors.hosts() if chosen in {"", host.name})


def offline(hosts: Iterable[Host]) -> list[Host]:
    """Return the hosts that have not reported lately, whose rows may be out of date."""
    return [host for host in hosts if not host.is_online]


def list_context(
    request: HttpRequest, noun: str, chosen: selectors.Chosen, **more: Any
) -> dict[str, Any]:
    """
    Return what the templates of a list of *noun* need.

    `is_first_view` says that rows are newest first with nothing left out, so that a new row belongs
    on top; elsewhere new rows are only counted.
    """
    return {
        "noun": noun,
        "chosen": chosen,
        "sort": chosen.sort,
        "kept": kept_filters(request),
        "is_first_view": not (set(request.GET) - {"host"}),
        **more,
    }
