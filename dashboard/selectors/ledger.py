"""Exact sums over layers, in which each layer stands once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, Q, Sum

from dashboard.models import Image, ImageLayer, Layer

if TYPE_CHECKING:
    from collections.abc import Iterable


def reclaimable_bytes(host: str, image_ids: Iterable[int] | None = None) -> int:
    """
    Return what would come free if exactly these images went, each layer once.

    *image_ids* are primary keys; without them it is every untagged image that no container uses. A
    layer counts, with its archive, only if its last user on *host* is among them. Images behind a
    container stay, and so do their layers and what the build cache holds.
    """
    going = Q(image__is_dangling=True) if image_ids is None else Q(image_id__in=list(image_ids))
    users = ImageLayer.objects.filter(layer=OuterRef("pk"))
    freed = Layer.objects.filter(
        Exists(users.filter(going, image__container_count=0)),
        ~Exists(users.exclude(going, image__container_count=0)),
        host_id=host,
        is_cached=False,
    )
    layers = freed.aggregate(total=Sum(F("size") + F("archive_bytes")))["total"] or 0
    return layers + _document_bytes(host, image_ids)


def _document_bytes(host: str, image_ids: Iterable[int] | None) -> int:
    going = Q(is_dangling=True) if image_ids is None else Q(pk__in=list(image_ids))
    gone = Image.objects.filter(going, host_id=host, container_count=0)
    return gone.aggregate(total=Sum("document_bytes"))["total"] or 0
