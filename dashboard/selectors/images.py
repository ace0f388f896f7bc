"""Images, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from dashboard.models import Container, Image, ImageLayer, Layer, Tag
from dashboard.selectors.lists import Filter, Listing, falling, one_of, rising, where
from engine.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

HOLDERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class HeldLayer:
    """A layer of an image, and how many images of the host hold it."""

    layer: Layer
    position: int
    holder_count: int

    @property
    def is_shared(self) -> bool:
        """Whether another image holds it too."""
        return self.holder_count > 1


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """An image with its layers (lowest first) and some of its containers."""

    image: Image
    layers: tuple[HeldLayer, ...]
    containers: tuple[Container, ...]


def rows() -> QuerySet[Image]:
    """Return images with all that a row shows, for pages and pushes alike."""
    return Image.objects.select_related("host").prefetch_related("tags").defer("config", "history")


def _called(text: str) -> Q:
    # A subquery rather than a join: an image with three matching tags is still one row.
    named = Tag.objects.filter(Q(repository__icontains=text) | Q(reference__icontains=text))
    digits = text.removeprefix("sha256:")
    return Q(pk__in=named.values("image_id")) | Q(image_id__startswith=f"sha256:{digits}")


IMAGES = Listing(
    rows,
    filters={
        "host": where("host_id"),
        "show": one_of(
            {
                "dangling": Q(is_dangling=True),
                "unused": Q(container_count=0),
                "used": ~Q(container_count=0),
            }
        ),
        "q": Filter(_called),
    },
    orders={
        "-added": falling("added_at"),
        "added": rising("added_at"),
        "-created": falling("created_at", unknown_last=True),
        "-size": falling("size"),
        "size": rising("size"),
        "-unique": falling("unique_size"),
        "-used": falling("last_used_at", unknown_last=True),
        "-containers": falling("container_count"),
    },
)


def image_detail(host: str, image_id: str) -> ImageDetail:
    """Return the image on *host* whose whole ID, with or without `sha256:`, this is."""
    digest = f"sha256:{image_id.removeprefix('sha256:')}"
    image = (
        Image.objects.select_related("host")
        .prefetch_related("tags")
        .filter(host_id=host, image_id=digest)
        .first()
    )
    if image is None:
        raise ImageNotFound(image_id[:71], where=f"on {host}")
    containers = image.containers.select_related("host").order_by("-created_at")[:HOLDERS_SHOWN]
    return ImageDetail(image, _layers_of(image), tuple(containers))


def other_hosts_with(image: Image) -> tuple[str, ...]:
    """Return the names of the hosts that have the same *image* too."""
    same = Image.objects.filter(image_id=image.image_id).exclude(host_id=image.host_id)
    return tuple(same.order_by("host_id").values_list("host_id", flat=True))


def image_stories(wanted: Mapping[str, Collection[str]]) -> dict[tuple[str, str], str]:
    """Return what the *wanted* untagged images, by host, used to be, by host and ID."""
    ids = {each for some in wanted.values() for each in some}
    found = Image.objects.filter(host_id__in=list(wanted), image_id__in=ids)
    values = found.exclude(story="").values_list("host_id", "image_id", "story")
    return {(host, image_id): story for host, image_id, story in values}


def find_image_row(pk: int) -> Image | None:
    """Return one image as lists show it, or None."""
    return rows().filter(pk=pk).first()


def image_names(host: str, text: str = "", *, limit: int = 20) -> tuple[Tag, ...]:
    """Return tags on *host* that contain *text*, for choosing an image to launch."""
    found = Tag.objects.filter(host_id=host).select_related("image")
    if text:
        found = found.filter(Q(repository__icontains=text) | Q(reference__icontains=text))
    return tuple(found.order_by("repository", "tag")[:limit])


def _layers_of(image: Image) -> tuple[HeldLayer, ...]:
    held = (
        ImageLayer.objects.filter(image=image)
        .select_related("layer")
        .annotate(holders=Count("layer__image_layers__image_id", distinct=True))
        .order_by("position")
    )
    return tuple(HeldLayer(each.layer, each.position, each.holders) for each in held)
