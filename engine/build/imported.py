"""
Steps that an image brings along: its history says by which keys they are known.

Only an image that a build names with `--cache-from` is looked at; whoever names it trusts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.build.cache import CachedStep, MadeLayer
from engine.oci.timestamps import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.images.record import ImageRecord, LayerRecord

COMMENT = "shipshape"
KEY_LENGTH = 32


def comment_of(key: str) -> str:
    """Return the comment of a history entry whose step has *key*."""
    return f"{COMMENT} {key[:KEY_LENGTH]}"


def find_imported(steps: Mapping[str, CachedStep], key: str) -> CachedStep | None:
    """Return what *steps* know under *key*, or None."""
    return steps.get(key[:KEY_LENGTH])


def imported_steps(image: ImageRecord) -> dict[str, CachedStep]:
    """Return the steps that *image* was made by, by the beginnings of their keys."""
    found: dict[str, CachedStep] = {}
    layers = iter(image.layers)
    below: LayerRecord | None = None
    for entry in image.config.history:
        layer = None if entry.is_empty_layer else next(layers, None)
        word, _, key = entry.comment.partition(" ")
        if word == COMMENT and len(key) == KEY_LENGTH:
            created = entry.created_at or EPOCH
            found[key] = CachedStep(
                key,
                entry.created_by,
                created,
                created,
                0,
                _made(layer) if layer else None,
                parent=below.chain_id if below else None,
            )
        below = layer or below
    return found


def _made(layer: LayerRecord) -> MadeLayer:
    return MadeLayer(layer.chain_id, layer.diff_id, layer.size, layer.compressed_size)
