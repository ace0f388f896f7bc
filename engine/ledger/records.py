"""From the records of images and containers to a ledger."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
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


CACHE = "the build cache"
NO_CACHE: Mapping[str, int] = MappingProxyType({})


def image_sizes(
    images: Iterable[ImageLike], *, cached: Mapping[str, int] = NO_CACHE
) -> dict[str, Sizes]:
    """
    Return the sizes of each image by ID.

    *shared* is what other images use as well, or the build cache, whose layers *cached* names.
    """
    known = tuple(images)
    ledger = Ledger(_image_entries(known, {}, cached))
    return {str(image.id): ledger.sizes(str(image.id)) for image in known}


def ledger_of(
    images: Iterable[ImageLike],
    containers: Iterable[ContainerLike],
    *,
    writable_sizes: Mapping[str, int],
    cached: Mapping[str, int] = NO_CACHE,
) -> Ledger:
    """
    Return the ledger of *images* and *containers*, and of the layers that the build cache holds.

    *cached* gives the bytes of those by chain ID. They stay when the last image goes.

    A container holds its writable layer, whose bytes *writable_sizes* gives by container ID, and
    every layer, archive and document of its image: so an image goes with its containers or frees
    nothing.
    """
    known = tuple(containers)
    users: dict[str, set[str]] = defaultdict(set)
    for container in known:
        users[str(container.image_id)].add(container.id)
    listed = _image_entries(images, users, cached)
    return Ledger(
        [*listed, *_only_cached(listed, cached), *_writable_layers(known, writable_sizes)]
    )


def _only_cached(listed: Iterable[Entry], cached: Mapping[str, int]) -> list[Entry]:
    known = {each.key for each in listed if each.kind is EntryKind.LAYER}
    return [
        Entry(key, EntryKind.BUILD_CACHE, size, frozenset({CACHE}))
        for key, size in cached.items()
        if key not in known
    ]


def _image_entries(
    images: Iterable[ImageLike], users: Mapping[str, set[str]], cached: Mapping[str, int]
) -> list[Entry]:
    sizes: dict[tuple[EntryKind, str], int] = {}
    holders: dict[tuple[EntryKind, str], set[str]] = defaultdict(set)
    for image in images:
        held_by = {str(image.id), *users.get(str(image.id), ())}
        for kind, key, size, layer in _parts(image):
            sizes[kind, key] = size
            holders[kind, key] |= held_by | ({CACHE} if layer in cached else set())
    return [
        Entry(key, kind, size, frozenset(holders[kind, key])) for (kind, key), size in sizes.items()
    ]


def _parts(image: ImageLike) -> Iterator[tuple[EntryKind, str, int, str]]:
    """Yield what an image takes: kind, name, bytes, and the layer that it goes with, if any."""
    for layer in image.layers:
        chain_id = str(layer.chain_id)
        yield EntryKind.LAYER, chain_id, layer.size, chain_id
        if layer.archive_bytes:
            yield EntryKind.ARCHIVE, str(layer.digest), layer.archive_bytes, chain_id
    for document in image.documents:
        yield EntryKind.DOCUMENT, str(document.digest), document.size, ""


def _writable_layers(
    containers: Iterable[ContainerLike], sizes: Mapping[str, int]
) -> Iterable[Entry]:
    return [
        Entry(each.id, EntryKind.WRITABLE_LAYER, sizes.get(each.id, 0), frozenset({each.id}))
        for each in containers
    ]
