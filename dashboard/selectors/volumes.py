"""Volumes, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.db.models import F, Q

from dashboard.errors import VolumeUnknown
from dashboard.models import Container, Volume
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

SORTS = {
    "-created": (F("created_at").desc(), "-id"),
    "created": (F("created_at").asc(), "id"),
    "name": (F("name").asc(), "id"),
    "-name": (F("name").desc(), "-id"),
    "-size": (F("size").desc(nulls_last=True), "-id"),
    "size": (F("size").asc(nulls_last=True), "id"),
    "-users": (F("holder_count").desc(), "-id"),
    "users": (F("holder_count").asc(), "id"),
}
SHOWN = ("used", "unused", "anonymous")


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """Which volumes a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    show: str = ""
    sort: str = "-created"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            show=choice_in(query, "show", SHOWN, ""),
            sort=choice_in(query, "sort", SORTS, "-created"),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.show))


def rows() -> QuerySet[Volume]:
    """Return volumes with all that a row shows, for pages and pushes alike."""
    return Volume.objects.select_related("host")


def volumes(chosen: VolumeFilter) -> Page[Volume]:
    """Return the page of volumes that *chosen* describes."""
    found = rows().filter(_matching(chosen)).order_by(*SORTS[chosen.sort])
    return page_of(found, number=chosen.page)


def volume_detail(host: str, name: str) -> Volume:
    """Return the volume of that name on *host*; raise `VolumeUnknown`."""
    found = rows().filter(host_id=host, name=name).first()
    if found is None:
        raise VolumeUnknown(name[:64])
    return found


def volume_users(volume: Volume) -> tuple[Container, ...]:
    """Return the containers that *volume* is mounted into."""
    found = Container.objects.filter(host_id=volume.host_id, container_id__in=volume.holders)
    return tuple(found.select_related("image").order_by("name"))


def volume_names(host: str, *, limit: int) -> tuple[Volume, ...]:
    """Return the named volumes of *host*, for choosing one."""
    found = Volume.objects.filter(host_id=host, is_anonymous=False)
    return tuple(found.order_by("name")[:limit])


def find_volume_row(pk: int) -> Volume | None:
    """Return one volume as lists show it, or None."""
    return rows().filter(pk=pk).first()


def _matching(chosen: VolumeFilter) -> Q:
    wanted = Q(host_id=chosen.host) if chosen.host else Q()
    if chosen.show == "used":
        wanted &= Q(holder_count__gt=0)
    elif chosen.show == "unused":
        wanted &= Q(holder_count=0)
    elif chosen.show == "anonymous":
        wanted &= Q(is_anonymous=True)
    if chosen.text:
        wanted &= Q(name__icontains=chosen.text)
    return wanted
