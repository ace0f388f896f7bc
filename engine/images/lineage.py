"""
Lineage: the images of this host that one was built on, and those that were built on it.

Found by the stack of layers, which says it without anybody having written it down: an image whose
stack is the lower part of another's is its base. Images without layers are nobody's relatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore
    from engine.oci.digest import ImageID


@dataclass(frozen=True, slots=True)
class Lineage:
    """
    The relatives of one image.

    *bases* are those it stands on, the nearest first; *derived* those that stand on it, likewise.
    Of images with one stack that with fewer instructions is the base.
    """

    bases: tuple[ImageRecord, ...]
    derived: tuple[ImageRecord, ...]


def find_lineage(images: ImageStore, image_id: ImageID) -> Lineage:
    """Return the relatives of the image; raise `ImageNotFound`."""
    image = images.get(str(image_id))
    bases = [each for each in images.list_below(image) if _is_base(each, image)]
    derived = [each for each in images.list_above(image) if _is_base(image, each)]
    return Lineage(
        tuple(sorted(bases, key=_height, reverse=True)), tuple(sorted(derived, key=_height))
    )


def _is_base(lower: ImageRecord, upper: ImageRecord) -> bool:
    """Return whether *lower*, whose stack begins *upper*'s, came before it."""
    if len(lower.layers) != len(upper.layers):
        return True
    return len(lower.config.history) < len(upper.config.history)


def _height(image: ImageRecord) -> tuple[int, int, str]:
    return len(image.layers), len(image.config.history), str(image.id)
