"""What a page needs to say, while rows are ticked, which bytes exactly these would free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from dashboard.models import Image, ImageLayer, Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT_SHOWN = 100


@dataclass(frozen=True, slots=True)
class SelectionLedger:
    """
    Which layers each image holds, and each layer's bytes with the number of all its holders.

    A layer comes free when as many of its holders are ticked as there are.
    """

    held_by: dict[int, list[int]]
    layers: dict[int, tuple[int, int]]


def selection_ledger(images: Sequence[Image]) -> SelectionLedger:
    """Return the ledger of *images*, in two queries."""
    chosen = [image.pk for image in images]
    held: dict[int, list[int]] = {}
    pairs = ImageLayer.objects.filter(image_id__in=chosen).values_list("image_id", "layer_id")
    for image_id, layer_id in pairs.order_by("image_id", "position"):
        held.setdefault(image_id, []).append(layer_id)
    # The layers are named by a subquery, so that holders outside *images* are counted too.
    counted = Layer.objects.filter(
        pk__in=ImageLayer.objects.filter(image_id__in=chosen).values("layer_id")
    ).annotate(holders=Count("images", distinct=True))
    layers = {
        pk: (size, holders) for pk, size, holders in counted.values_list("pk", "size", "holders")
    }
    return SelectionLedger(held, layers)


def kept_images(host: str = "") -> tuple[Image, ...]:
    """Return untagged images that stay, because containers were made from them."""
    on_host = Q(host_id=host) if host else Q()
    found = Image.objects.filter(on_host, is_dangling=True, container_count__gt=0)
    return tuple(found.defer("config", "history").order_by("-size")[:KEPT_SHOWN])
