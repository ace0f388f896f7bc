"""
Projecting images with their tags and layers.

One image that comes or goes changes what others share, so they are always compared all at once;
only rows that differ are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard import events
from dashboard.models import Image, ImageLayer, Layer, Tag
from engine.ledger import image_sizes
from engine.oci.digest import Digest, ImageID
from workers.inventory.image_rows import (
    fixed_values,
    image_values,
    layer_values,
    only_cached_values,
    tag_values,
)
from workers.inventory.rows import (
    BATCH,
    Difference,
    difference,
    is_worth_publishing,
    save,
    set_values,
)
from workers.inventory.stories import story_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from engine.engine import Engine
    from engine.images.record import ImageRecord

LAYER_FIELDS = (
    "diff_id",
    "digest",
    "media_type",
    "size",
    "compressed_size",
    "archive_bytes",
    "is_cached",
)
TAG_FIELDS = ("image_id", "repository", "tag", "since")


@dataclass(frozen=True, slots=True)
class Changes:
    """Whether a `sync` changed anything, and whether any tag is new, gone or on another image."""

    is_any: bool
    is_tag_moved: bool


class ImageProjection:
    """The images of *engine* as rows of *host*. Call everything under the host's lock."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def sync(self) -> Changes:
        """Make the rows of all images, layers and tags true."""
        records = self._engine.images.list()
        cached = self._engine.builds.held_layers()
        layers = self._write_layers(records, cached)
        images = self._write_images(records, cached)
        self._link_layers(images.new, records)
        tags, renamed = self._write_tags(records)
        self._publish(images, renamed)
        return Changes(is_any=bool(layers or images or tags), is_tag_moved=bool(tags))

    def _write_layers(
        self, records: Sequence[ImageRecord], cached: Mapping[str, int]
    ) -> Difference[Layer]:
        wanted = layer_values((layer for record in records for layer in record.layers), cached)
        wanted = {**only_cached_values(cached), **wanted}
        existing = Layer.objects.filter(host_id=self._host)
        found = difference(Layer, existing, wanted, key="chain_id", common={"host_id": self._host})
        save(Layer, found, LAYER_FIELDS)
        return found

    def _write_images(
        self, records: Sequence[ImageRecord], cached: Mapping[str, int]
    ) -> Difference[Image]:
        sizes = image_sizes(records, cached=cached)
        by_id = {str(record.id): record for record in records}
        wanted = {each: image_values(record, sizes[each]) for each, record in by_id.items()}
        existing = Image.objects.filter(host_id=self._host).defer("config", "history")
        found = difference(Image, existing, wanted, key="image_id", common={"host_id": self._host})
        self._complete(found, by_id)
        save(Image, found, [*next(iter(wanted.values()), {}), "story"])
        return found

    def _complete(self, found: Difference[Image], records: Mapping[str, ImageRecord]) -> None:
        for row in found.new:
            record = records[row.image_id]
            set_values(row, fixed_values(record, self._engine.images.history(record.id)))
        for row in found.touched:
            row.story = self._story(records[row.image_id])

    def _story(self, record: ImageRecord) -> str:
        if not record.is_dangling:
            return ""
        moves = self._engine.images.tag_moves(record.id)
        return story_of(record.id, moves, record.config.defaults.labels)

    def _link_layers(self, new: Sequence[Image], records: Sequence[ImageRecord]) -> None:
        if not new:
            return
        images = {row.image_id: row.pk for row in new}
        layers = dict(Layer.objects.filter(host_id=self._host).values_list("chain_id", "pk"))
        links = [
            ImageLayer(
                image_id=images[str(record.id)],
                layer_id=layers[str(layer.chain_id)],
                position=position,
            )
            for record in records
            if str(record.id) in images
            for position, layer in enumerate(record.layers)
        ]
        ImageLayer.objects.bulk_create(links, batch_size=BATCH)

    def _write_tags(self, records: Sequence[ImageRecord]) -> tuple[Difference[Tag], set[int]]:
        images = dict(Image.objects.filter(host_id=self._host).values_list("image_id", "pk"))
        existing = list(Tag.objects.filter(host_id=self._host))
        before = {(row.reference, row.image_id) for row in existing}
        wanted = tag_values(records, images)
        found = difference(Tag, existing, wanted, key="reference", common={"host_id": self._host})
        ids = {pk: image_id for image_id, pk in images.items()}
        for row in found.touched:
            row.since = self._since(row.reference, ids[row.image_id])
        save(Tag, found, TAG_FIELDS)
        after = {(reference, values["image_id"]) for reference, values in wanted.items()}
        return found, {image for _, image in before ^ after}

    def _since(self, reference: str, image_id: str) -> datetime | None:
        moves = self._engine.images.tag_moves(ImageID(Digest.parse(image_id)))
        came = (each for each in moves if str(each.reference) == reference)
        return next((each.moved_at for each in came if str(each.image_id) == image_id), None)

    def _publish(self, found: Difference[Image], renamed: Collection[int]) -> None:
        if not is_worth_publishing(found):
            return
        for row in found.gone:
            events.publish_removed("image", host=self._host, object_id=row.image_id)
        touched = {row.pk: row for row in found.touched}
        touched.update(Image.objects.in_bulk([pk for pk in renamed if pk not in touched]))
        for row in touched.values():
            events.publish_image(row)
