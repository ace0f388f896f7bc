"""
Everything that an engine root holds, as one value, and what follows from it.

Holders are called by what they are: an image or a container by its ID, the others with a word
before their name, see `held_by`. What lies in the trash is a holder like any other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from engine.ledger.disk import DiskUsage
from engine.ledger.reclaim import Piece, Reclaim, SharedPiece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.ledger.records import ContainerLike, ImageLike, LayerLike

NO_BYTES: Mapping[str, int] = MappingProxyType({})
NO_STEPS: Mapping[str, str] = MappingProxyType({})
STEP, CACHE_MOUNT, VOLUME, LOG, INGEST, TRASH = (
    "step",
    "cache-mount",
    "volume",
    "log",
    "ingest",
    "trash",
)


class StoredLayer(Protocol):
    """An unpacked layer as the disk has it."""

    @property
    def key(self) -> str:
        """Its chain ID."""

    @property
    def parent(self) -> object | None:
        """The chain ID of the layer that it stands on."""

    @property
    def size(self) -> int | None:
        """Its bytes on disk."""


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What is there, with its bytes on the disk.

    *layers* are all that are unpacked, whoever needs them; *steps* are entries of the build cache
    and the layer that each keeps. Sizes are by container ID, name of volume, name of cache mount,
    and name of ingest; of volumes in the trash by what they are called there. A container's log
    outlives it for a while, so it is a thing of its own; *departed* are the bytes of those whose
    container is gone.
    """

    images: tuple[ImageLike, ...] = ()
    containers: tuple[ContainerLike, ...] = ()
    trashed_images: tuple[ImageLike, ...] = ()
    trashed_containers: tuple[ContainerLike, ...] = ()
    layers: tuple[StoredLayer, ...] = ()
    steps: Mapping[str, str] = field(default_factory=lambda: NO_STEPS)
    writable: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    cache_mounts: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    volumes: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    trashed_volumes: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    logs: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    ingests: Mapping[str, int] = field(default_factory=lambda: NO_BYTES)
    departed: int = 0

    @property
    def trash_holders(self) -> list[str]:
        """Who holds in the trash."""
        images = [held_by(TRASH, str(each.id)) for each in self.trashed_images]
        containers = [held_by(TRASH, each.id) for each in self.trashed_containers]
        return images + containers + [held_by(TRASH, each) for each in self.trashed_volumes]

    @property
    def cache_holders(self) -> list[str]:
        """Who holds in the build cache."""
        steps = [held_by(STEP, each) for each in self.steps]
        return steps + [held_by(CACHE_MOUNT, each) for each in self.cache_mounts]


def held_by(word: str, name: str) -> str:
    """Return what the holder is called that is a *word* of that *name*."""
    return f"{word}:{name}"


def reclaim_of(survey: Survey) -> Reclaim:
    """Return what answers how much comes free when holders of *survey* go."""
    images = {str(each.id): each for each in (*survey.trashed_images, *survey.images)}
    stacks = _Stacks(images.values())
    pieces = stacks.pieces
    for stored in survey.layers:
        parent = str(stored.parent) if stored.parent is not None else None
        pieces[stored.key] = Piece(stored.key, stored.size or 0, parent)
    shared = [*_given(stacks.packed, stacks.archives, pieces), *_documents(images, pieces)]
    holdings: dict[str, list[str]] = defaultdict(list)
    for image in survey.images:
        holdings[str(image.id)].append(_leaf(image))
    for image in survey.trashed_images:
        holdings[held_by(TRASH, str(image.id))].append(_leaf(image))
    for step, chain_id in survey.steps.items():
        holdings[held_by(STEP, step)].append(chain_id)
    for holder, piece in _container_pieces(survey):
        pieces[piece.key] = piece
        holdings[holder].append(piece.key)
    for holder, size in _plain(survey):
        pieces[holder] = Piece(holder, size)
        holdings[holder].append(holder)
    return Reclaim(pieces.values(), holdings, shared)


def usage_of(survey: Survey) -> DiskUsage:
    """Return what takes the disk, each byte once, whoever holds it."""
    reclaim = reclaim_of(survey)
    trash = reclaim.freed(survey.trash_holders)
    cached = reclaim.freed([*survey.trash_holders, *survey.cache_holders]) - trash
    stacks = _Stacks(survey.images)
    unique = _unique_layers(survey, stacks)
    usage = DiskUsage(
        shared_layers=sum(each.size for each in stacks.pieces.values()) - unique,
        unique_layers=unique,
        documents=_once((each.digest, each.size) for i in survey.images for each in i.documents),
        writable_layers=sum(survey.writable.get(each.id, 0) for each in survey.containers),
        archives=sum(stacks.archives.values()),
        build_cache=cached,
        volumes=sum(survey.volumes.values()),
        logs=sum(survey.logs.values()) + survey.departed,
        trash=trash,
        virtual=_virtual(survey, stacks),
    )
    return usage.with_unused(reclaim.total + survey.departed)


class _Stacks:
    """
    The layers of many images, each looked at once.

    An image is walked from its highest layer down to the first that is known already, because all
    below that one is known too.
    """

    def __init__(self, images: Iterable[ImageLike]) -> None:
        self.pieces: dict[str, Piece] = {}
        self.archives: dict[str, int] = {}
        self.packed: dict[str, set[str]] = defaultdict(set)
        self._heights: dict[str, int] = {}
        for image in images:
            self._add(image.layers)

    def virtual(self, image: ImageLike) -> int:
        """Return the bytes of all layers of *image* with their archives, whoever shares them."""
        return self._heights[str(image.layers[-1].chain_id)] if image.layers else 0

    def _add(self, layers: Sequence[LayerLike]) -> None:
        fresh = len(layers)
        while fresh and str(layers[fresh - 1].chain_id) not in self.pieces:
            fresh -= 1
        below = str(layers[fresh - 1].chain_id) if fresh else None
        for layer in layers[fresh:]:
            key = str(layer.chain_id)
            self.pieces[key] = Piece(key, layer.size, below)
            height = self._heights[below] if below is not None else 0
            self._heights[key] = height + layer.size + layer.archive_bytes
            if layer.archive_bytes:
                self.packed[str(layer.digest)].add(key)
                self.archives[str(layer.digest)] = layer.archive_bytes
            below = key


def _unique_layers(survey: Survey, stacks: _Stacks) -> int:
    """Return the bytes of the layers that one image has."""
    tops = {str(each.id): [str(each.layers[-1].chain_id)] for each in survey.images if each.layers}
    alone = Reclaim(stacks.pieces.values(), tops)
    return sum(alone.freed([holder]) for holder in tops)


def _documents(images: Mapping[str, ImageLike], pieces: dict[str, Piece]) -> Iterator[SharedPiece]:
    """Make a piece of each image, with its documents, and return those that several have."""
    leaves: dict[str, set[str]] = defaultdict(set)
    sizes: dict[str, int] = {}
    for image in images.values():
        top = str(image.layers[-1].chain_id) if image.layers else None
        pieces[_leaf(image)] = Piece(_leaf(image), 0, top)
        for document in image.documents:
            leaves[str(document.digest)].add(_leaf(image))
            sizes[str(document.digest)] = document.size
    return _given(leaves, sizes, pieces)


def _given(
    needed_by: Mapping[str, set[str]], sizes: Mapping[str, int], pieces: dict[str, Piece]
) -> Iterator[SharedPiece]:
    for key, needing in needed_by.items():
        if len(needing) > 1:
            yield SharedPiece(sizes[key], frozenset(needing))
            continue
        (only,) = needing
        piece = pieces[only]
        pieces[only] = Piece(only, piece.size + sizes[key], piece.below)


def _container_pieces(survey: Survey) -> Iterator[tuple[str, Piece]]:
    """Yield who holds which writable layer; it stands on the container's image."""
    standing = [(each.id, each) for each in survey.containers]
    standing += [(held_by(TRASH, each.id), each) for each in survey.trashed_containers]
    for holder, each in standing:
        key, size = f"container:{each.id}", survey.writable.get(each.id, 0)
        yield holder, Piece(key, size, f"image:{each.image_id}")


def _plain(survey: Survey) -> Iterator[tuple[str, int]]:
    """Yield what nobody shares: its holder, called like itself, and its bytes."""
    for word, sizes in (
        (CACHE_MOUNT, survey.cache_mounts),
        (VOLUME, survey.volumes),
        (TRASH, survey.trashed_volumes),
        (LOG, survey.logs),
        (INGEST, survey.ingests),
    ):
        yield from ((held_by(word, name), size) for name, size in sizes.items())


def _leaf(image: ImageLike) -> str:
    return f"image:{image.id}"


def _once(found: Iterable[tuple[object, int]]) -> int:
    return sum({str(key): size for key, size in found}.values())


def _virtual(survey: Survey, stacks: _Stacks) -> int:
    """Return what adding up the virtual sizes of all images and containers would say."""
    sizes = {
        str(image.id): stacks.virtual(image) + sum(each.size for each in image.documents)
        for image in survey.images
    }
    of_containers = sum(
        sizes.get(str(each.image_id), 0) + survey.writable.get(each.id, 0)
        for each in survey.containers
    )
    return sum(sizes.values()) + of_containers
