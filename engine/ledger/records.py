"""From the records of images and containers to a ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from engine.ledger.ledger import Entry, EntryKind, Ledger, Sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class LayerLike(Protocol):
    """A layer with its bytes on disk."""

    @property
    def chain_id(self) -> object:
        """What names it."""

    @property
    def size(self) -> int:
        """Its bytes on disk."""


class ImageLike(Protocol):
    """An image with its layers."""

    @property
    def id(self) -> object:
        """Its image ID."""

    @property
    def layers(self) -> Sequence[LayerLike]:
        """Its layers, lowest first."""


class ContainerLike(Protocol):
    """A container made from an image."""

    @property
    def id(self) -> str:
        """Its ID."""

    @property
    def image_id(self) -> object:
        """The image it was made from."""


def image_sizes(images: Iterable[ImageLike]) -> dict[str, Sizes]:
    """Return the sizes of each image by ID; *shared* is what other images use as well."""
    known = tuple(images)
    ledger = Ledger(_layers(known, {}))
    return {str(image.id): ledger.sizes(str(image.id)) for image in known}


def ledger_of(
    images: Iterable[ImageLike],
    containers: Iterable[ContainerLike],
    *,
    writable_sizes: Mapping[str, int],
) -> Ledger:
    """
    Return the ledger of *images* and *containers*.

    A container holds its writable layer, whose bytes *writable_sizes* gives by container ID, and
    every layer of its image: so an image goes with its containers or frees nothing.
    """
    known = tuple(containers)
    users: dict[str, set[str]] = defaultdict(set)
    for container in known:
        users[str(container.image_id)].add(container.id)
    return Ledger([*_layers(images, users), *_writable_layers(known, writable_sizes)])


def _layers(images: Iterable[ImageLike], users: Mapping[str, set[str]]) -> list[Entry]:
    sizes: dict[str, int] = {}
    holders: dict[str, set[str]] = defaultdict(set)
    for image in images:
        held_by = {str(image.id), *users.get(str(image.id), ())}
        for layer in image.layers:
            sizes[str(layer.chain_id)] = layer.size
            holders[str(layer.chain_id)] |= held_by
    return [
        Entry(key, EntryKind.LAYER, size, frozenset(holders[key])) for key, size in sizes.items()
    ]


def _writable_layers(
    containers: Iterable[ContainerLike], sizes: Mapping[str, int]
) -> Iterable[Entry]:
    return [
        Entry(each.id, EntryKind.WRITABLE_LAYER, sizes.get(each.id, 0), frozenset({each.id}))
        for each in containers
    ]
