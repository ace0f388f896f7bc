"""
Taking apart what images were made of: the layers and blobs that nothing else needs go with them.

Everything here joins the transaction in which the records of the images went. A layer goes with the
last image that lists it, its archive and documents likewise; what a pull at work has leased stays
until a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.images.resources import LAYER, blob_resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.images.gc import Collector
    from engine.images.ports import LayerSnapshots
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.system.database import Transaction

Key = TypeVar("Key")
Leased = frozenset[str]


@dataclass(frozen=True, slots=True)
class Parts:
    """What went with one image: its layers, the highest first, and the bytes of all that did."""

    layers: tuple[LayerRecord, ...]
    bytes: int


class Dismantler:
    """Takes images of one engine root apart."""

    def __init__(
        self, *, images: ImageStore, snapshots: LayerSnapshots, collector: Collector
    ) -> None:
        self._images = images
        self._snapshots = snapshots
        self._collector = collector

    def dismantle(
        self, transaction: Transaction, images: Sequence[ImageRecord], leased: Leased
    ) -> list[Parts]:
        """
        Let go what *images*, whose records went, were the last to need; return what by image.

        Each is credited with what was needed up to its turn.
        """
        layers = self._remove_layers(images, leased)
        blobs = self._remove_blobs(transaction, images, layers, leased)
        return [
            Parts(tuple(gone), sum(layer.size for layer in gone) + blob_bytes)
            for gone, blob_bytes in zip(layers, blobs, strict=True)
        ]

    def _remove_layers(
        self, images: Sequence[ImageRecord], leased: Leased
    ) -> list[list[LayerRecord]]:
        """Remove the layers that nothing needs any more; return which went with each image."""
        last = _last_of([[str(layer.chain_id) for layer in each.layers] for each in images])
        needed = self._images.listed_layers(last)
        needed |= {str(each) for each in last if f"{LAYER}:{each}" in leased}
        # The highest first, and what stands on a layer goes no later than the last image with it.
        candidates = [
            [
                layer
                for layer in reversed(image.layers)
                if last[str(layer.chain_id)] == number and str(layer.chain_id) not in needed
            ]
            for number, image in enumerate(images)
        ]
        gone = self._snapshots.remove_each(
            [str(layer.chain_id) for each in candidates for layer in each]
        )
        self._images.forget_layers(gone)
        return [[layer for layer in each if str(layer.chain_id) in gone] for each in candidates]

    def _remove_blobs(
        self,
        transaction: Transaction,
        images: Sequence[ImageRecord],
        layers: Sequence[Sequence[LayerRecord]],
        leased: Leased,
    ) -> list[int]:
        """Let the blobs go that nothing needs any more; return the bytes they take by image."""
        blobs = [
            {layer.digest: layer.archive_bytes for layer in gone if layer.archive_bytes}
            | {document.digest: document.size for document in image.documents}
            for image, gone in zip(images, layers, strict=True)
        ]
        last = _last_of(blobs)
        free = {each for each in last if blob_resource(each) not in leased}
        useless = free - self._images.listed_blobs(free)
        self._collector.collect_after(transaction, useless)
        return [
            sum(size for each, size in mine.items() if each in useless and last[each] == number)
            for number, mine in enumerate(blobs)
        ]


def _last_of(groups: Sequence[Iterable[Key]]) -> dict[Key, int]:
    """Return the number of the last of *groups* that each thing is in."""
    return {each: number for number, group in enumerate(groups) for each in group}
