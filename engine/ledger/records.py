"""From the records of images and containers to a ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from engine.ledger.ledger import Entry, EntryKind, Ledger, Sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class LayerLike(Protocol):
    """A layer with its bytes on disk."""

    @property
    def chain_id(self) -> object:
        """What names it."""

    @property
    def size(self) -> int:
        """Its bytes on disk."""

    @property
    def digest(self) -> object:
        """What names its archive; layers on different stacks may have the same."""

    @property
    def archive_bytes(self) -> int:
        """The bytes of its archive on disk, 0 if that is not kept."""


class DocumentLike(Protocol):
    """A manifest or an image config with its bytes on disk."""

    @property
    def digest(self) -> object:
        """What names it."""

    @property
    def size(self) -> int:
        """Its bytes on disk."""


class ImageLike(Protocol):
    """An image with its layers and documents."""

    @property
    def id(self) -> object:
        """Its image ID."""

    @property
    def layers(self) -> Sequence[LayerLike]:
        """Its layers, lowest first."""

    @property
    def documents(self) -> Sequence[DocumentLike]:
        """Its manifest and config."""


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
    ledger = Ledger(_image_entries(known, {}))
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
    every layer, archive and document of its image: so an image goes with its containers or frees
    nothing.
    """
    known = tuple(containers)
    users: dict[str, set[str]] = defaultdict(set)
    for container in known:
        users[str(container.image_id)].add(container.id)
    return Ledger([*_image_entries(images, users), *_writable_layers(known, writable_sizes)])


def _image_entries(images: Iterable[ImageLike], users: Mapping[str, set[str]]) -> list[Entry]:
    sizes: dict[tuple[EntryKind, str], int] = {}
    holders: dict[tuple[EntryKind, str], set[str]] = defaultdict(set)
    for image in images:
        held_by = {str(image.id), *users.get(str(image.id), ())}
        for kind, key, size in _parts(image):
            sizes[kind, key] = size
            holders[kind, key] |= held_by
    return [
        Entry(key, kind, size, frozenset(holders[kind, key])) for (kind, key), size in sizes.items()
    ]


def _parts(image: ImageLike) -> Iterator[tuple[EntryKind, str, int]]:
    for layer in image.layers:
        yield EntryKind.LAYER, str(layer.chain_id), layer.size
        if layer.archive_bytes:
            yield EntryKind.ARCHIVE, str(layer.digest), layer.archive_bytes
    for document in image.documents:
        yield EntryKind.DOCUMENT, str(document.digest), document.size


def _writable_layers(
    containers: Iterable[ContainerLike], sizes: Mapping[str, int]
) -> Iterable[Entry]:
    return [
        Entry(each.id, EntryKind.WRITABLE_LAYER, sizes.get(each.id, 0), frozenset({each.id}))
        for each in containers
    ]
