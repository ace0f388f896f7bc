"""Layers, as pages draw, list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum

from dashboard.models import Container, Image, ImageLayer, Layer
from dashboard.selectors.lists import Filter, Listing, falling, rising, where
from engine.errors import LayerNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.selectors.lists import Chosen

HOLDERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ShownLayer:
    """A layer, how many images hold it, and the oldest of them, if any, by which people know it."""

    layer: Layer
    holder_count: int
    holder: Image | None = None
    step: str = ""

    @property
    def name(self) -> str:
        """What people may know it by: a name of an image that holds it."""
        if self.holder is None:
            return "build cache"
        tag = next(iter(self.holder.tags.all()), None)
        return f"{tag.repository}:{tag.tag}" if tag else self.holder.short_id

    @property
    def other_count(self) -> int:
        """How many more images hold it."""
        return max(0, self.holder_count - 1)


@dataclass(frozen=True, slots=True)
class HostSum:
    """All layers of one host that are meant: how many, and their bytes."""

    host: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LayerDetail:
    """A layer with who holds it, up to a number of each."""

    shown: ShownLayer
    images: tuple[Image, ...]
    containers: tuple[Container, ...]


def _held_by(holders: str) -> Q:
    if holders == "cache":
        return Q(~Exists(ImageLayer.objects.filter(layer=OuterRef("pk"))))
    held = ImageLayer.objects.order_by().values("layer_id").annotate(count=Count("pk"))
    meant = held.filter(count__gt=1) if holders == "shared" else held.filter(count=1)
    return Q(pk__in=meant.values("layer_id"))


def _called(text: str) -> Q:
    digest = f"sha256:{text.removeprefix('sha256:')}"
    named = ImageLayer.objects.filter(
        Q(image__tags__repository__icontains=text) | Q(image__tags__reference__icontains=text)
    )
    by_digest = Q(chain_id__startswith=digest) | Q(diff_id__startswith=digest)
    return by_digest | Q(pk__in=named.values("layer_id"))


LAYERS = Listing(
    Layer.objects.all,
    filters={
        "host": where("host_id"),
        "show": Filter(_held_by, choices=("shared", "single", "cache")),
        "q": Filter(_called),
    },
    orders={
        "-size": falling("size"),
        "size": rising("size"),
        "-archive": falling("archive_bytes"),
    },
)


def largest_layers(chosen: Chosen, *, limit: int) -> tuple[ShownLayer, ...]:
    """Return as many of the layers that are meant, the largest first; empty ones are left out."""
    found = LAYERS.matching(chosen).filter(size__gt=0).order_by("-size", "id")
    return shown_layers(found[:limit])


def layer_sums(chosen: Chosen) -> tuple[HostSum, ...]:
    """Return what the layers that are meant come to on each host, by name."""
    found = LAYERS.matching(chosen).order_by("host_id").values_list("host_id")
    told = found.annotate(count=Count("pk"), total=Sum("size"))
    return tuple(HostSum(host, count, total or 0) for host, count, total in told)


def layer_detail(host: str, chain_id: str) -> LayerDetail:
    """Return the layer on *host* whose chain ID, with or without `sha256:`, this is."""
    digest = f"sha256:{chain_id.removeprefix('sha256:')}"
    layer = Layer.objects.select_related("host").filter(host_id=host, chain_id=digest).first()
    if layer is None:
        raise LayerNotFound(digest[:71])
    held = Image.objects.filter(image_layers__layer=layer)
    images = held.defer("config", "history").prefetch_related("tags").order_by("added_at", "id")
    users = Container.objects.filter(image__image_layers__layer=layer).order_by("name")
    return LayerDetail(
        shown_layers([layer])[0], tuple(images[:HOLDERS_SHOWN]), tuple(users[:HOLDERS_SHOWN])
    )


def shown_layers(found: Iterable[Layer]) -> tuple[ShownLayer, ...]:
    """Return the layers in *found* with their holders, in three queries for all of them."""
    rows = tuple(found)
    held = ImageLayer.objects.filter(layer__in=[each.pk for each in rows]).values("layer_id")
    told = {
        each["layer_id"]: each
        for each in held.annotate(
            count=Count("pk"), image=Min("image_id"), place=Min("position")
        ).order_by()
    }
    images = Image.objects.prefetch_related("tags").defer("config")
    holders = images.in_bulk({each["image"] for each in told.values()})
    return tuple(_shown(each, told.get(each.pk), holders) for each in rows)


def _shown(
    layer: Layer, told: Mapping[str, Any] | None, holders: Mapping[int, Image]
) -> ShownLayer:
    holder = holders.get(told["image"]) if told else None
    if told is None or holder is None:
        return ShownLayer(layer, 0)
    # A chain ID says what is below, so a layer has the same place in every image.
    return ShownLayer(layer, told["count"], holder, step_of(holder.history, told["place"]))


def step_of(history: Iterable[Mapping[str, Any]], place: int) -> str:
    """Return the instruction that made the layer at *place*; *history* is the newest first."""
    made = [row for row in history if not row.get("is_empty_layer")]
    made.reverse()
    return str(made[place].get("created_by") or "") if place < len(made) else ""
