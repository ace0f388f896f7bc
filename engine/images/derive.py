"""
Deriving an image from another: its layers, one more on top, and what it says about its containers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.images.changes import apply_changes
from engine.images.chunks import ChunkStream
from engine.layers.tarwriter import END
from engine.oci.config import HistoryEntry, ProcessDefaults, render_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.images.add import Adder
    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore
    from engine.oci.digest import DiffID, ImageID
    from engine.oci.reference import Reference
    from engine.system.clock import Clock


@dataclass(frozen=True, slots=True)
class Derivation:
    """
    What a derived image says: *defaults* with the instructions *changes* over them.

    *created_by* and *comment* stand in its history.
    """

    defaults: ProcessDefaults
    changes: tuple[str, ...] = ()
    created_by: str = ""
    comment: str = ""
    author: str = ""
    tags: tuple[Reference, ...] = field(default=())


class Deriver:
    """Derives images in one engine root."""

    def __init__(self, images: ImageStore, adder: Adder, clock: Clock) -> None:
        self._images = images
        self._adder = adder
        self._clock = clock

    def derive(
        self,
        base: ImageID,
        layer: Iterable[bytes],
        derivation: Derivation,
        *,
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """
        Make an image of *base* with the plain tar *layer* on top, and let the tags name it.

        A tar without entries adds no layer. Raises `ImageNotFound`, `InvalidSetting` for the
        changes, or what unpacking raises; then nothing has changed.
        """
        parent = self._images.get(str(base))
        defaults = apply_changes(derivation.defaults, derivation.changes)
        with self._adder.adding() as work:
            work.keep(parent.layers)
            tar = work.stage(cast("BinaryIO", ChunkStream(iter(layer))))
            added = [tar] if tar.tar_bytes > len(END) else []
            diff_id = tar.diff_id if added else None
            return work.make(
                self._config(parent, diff_id, defaults, derivation),
                added,
                base=parent.layers,
                tags=derivation.tags,
                owner=owner,
                source=source,
            )

    def _config(
        self,
        parent: ImageRecord,
        added: DiffID | None,
        defaults: ProcessDefaults,
        derivation: Derivation,
    ) -> bytes:
        now = self._clock.now()
        entry = HistoryEntry(
            now,
            created_by=derivation.created_by,
            author=derivation.author,
            comment=derivation.comment,
            is_empty_layer=added is None,
        )
        return render_config(
            platform=parent.config.platform,
            diff_ids=(*parent.config.diff_ids, *((added,) if added else ())),
            history=(*parent.config.history, entry),
            defaults=defaults,
            created_at=now,
            author=derivation.author,
        )
