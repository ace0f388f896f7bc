"""Volumes, as pages list and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from dashboard.errors import VolumeUnknown
from dashboard.models import Container, Volume
from dashboard.selectors.lists import Listing, falling, one_of, rising, where

if TYPE_CHECKING:
    from django.db.models import QuerySet


def rows() -> QuerySet[Volume]:
    """Return volumes with all that a row shows, for pages and pushes alike."""
    return Volume.objects.select_related("host")


VOLUMES = Listing(
    rows,
    filters={
        "host": where("host_id"),
        "show": one_of(
            {
                "used": Q(holder_count__gt=0),
                "unused": Q(holder_count=0),
                "anonymous": Q(is_anonymous=True),
            }
        ),
        "q": where("name__icontains"),
    },
    orders={
        "-created": falling("created_at"),
        "created": rising("created_at"),
        "name": rising("name"),
        "-name": falling("name"),
        "-size": falling("size", unknown_last=True),
        "size": rising("size", unknown_last=True),
        "-users": falling("holder_count"),
        "users": rising("holder_count"),
    },
)


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
