"""Applying tars that tests make."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from engine.layers.apply import AppliedLayer, apply_layer
from engine.layers.compression import open_layer
from engine.layers.limits import DEFAULT_LIMITS, Limits
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from tests.support.builders import Item, layer_tar

if TYPE_CHECKING:
    from pathlib import Path

    from engine.layers.index import OpenNote


def notes_in(directory: Path) -> OpenNote:
    """Return what opens the notes that are files in *directory*."""
    return lambda name: (directory / name).open("rb", buffering=0)


def apply_tar(tar: bytes, target: Path, limits: Limits = DEFAULT_LIMITS) -> AppliedLayer:
    return apply_layer(
        open_layer(io.BytesIO(tar), Compression.NONE),
        target=target,
        notes=target.parent.parent,
        expected=DiffID(Digest.of(tar)),
        limits=limits,
    )


def apply(target: Path, *items: Item) -> AppliedLayer:
    return apply_tar(layer_tar(*items), target)
