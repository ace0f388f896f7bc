"""Images, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.db.models import Count, F, Q

from dashboard.models import Container, Image, ImageLayer, Layer, Tag
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in
from engine.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

# The tie-break runs the same way, so that one index serves both.
SORTS = {
    "-added": (F("added_at").desc(), "-id"),
    "added": (F("added_at").asc(), "id"),
    "-created": (F("created_at").desc(nulls_last=True), "-id"),
    "-size": (F("size").desc(), "-id"),
    "size": (F("size").asc(), "id"),
    "-unique": (F("unique_size").desc(), "-id"),
    "-used": (F("last_used_at").desc(nulls_last=True), "-id"),
    "-containers": (F("container_count").desc(), "-id"),
}
HOLDERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    show: str = ""
    sort: str = "-added"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            show=choice_in(query, "show", ("dangling", "unused", "used"), ""),
            sort=choice_in(query, "sort", SORTS, "-added"),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.show))


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


def images(chosen: ImageFilter) -> Page[Image]:
    """Return the page of images that *chosen* describes; each comes once, with all its tags."""
    return page_of(images_query(chosen), number=chosen.page)


def images_query(chosen: ImageFilter) -> QuerySet[Image]:
    """Return all images that *chosen* describes, in its order."""
    return rows().filter(_matching(chosen)).order_by(*SORTS[chosen.sort])


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


def image_stories(hosts: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return what the untagged images of *hosts* used to be, by host and ID."""
    found = Image.objects.filter(is_dangling=True, host_id__in=list(hosts)).exclude(story="")
    values = found.values_list("host_id", "image_id", "story")
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


def _matching(chosen: ImageFilter) -> Q:
    wanted = Q()
    if chosen.host:
        wanted &= Q(host_id=chosen.host)
    if chosen.show == "dangling":
        wanted &= Q(is_dangling=True)
    if chosen.show in {"unused", "used"}:
        unused = Q(container_count=0)
        wanted &= unused if chosen.show == "unused" else ~unused
    if chosen.text:
        # A subquery rather than a join: an image with three matching tags is still one row.
        named = Tag.objects.filter(
            Q(repository__icontains=chosen.text) | Q(reference__icontains=chosen.text)
        )
        digits = chosen.text.removeprefix("sha256:")
        wanted &= Q(pk__in=named.values("image_id")) | Q(image_id__startswith=f"sha256:{digits}")
    return wanted


def _layers_of(image: Image) -> tuple[HeldLayer, ...]:
    held = (
        ImageLayer.objects.filter(image=image)
        .select_related("layer")
        .annotate(holders=Count("layer__image_layers__image_id", distinct=True))
        .order_by("position")
    )
    return tuple(HeldLayer(each.layer, each.position, each.holders) for each in held)
