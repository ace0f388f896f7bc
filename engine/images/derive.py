"""
Deriving an image from another: its layers, one more on top, and what it says about its containers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from engine.images.changes import apply_changes
from engine.images.download import WantedLayer, committed_layer
from engine.images.hold import holding
from engine.images.record import DocumentRecord, ImageRecord
from engine.images.spool import Spool
from engine.images.unpack import Packed
from engine.layers.tarwriter import END
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.descriptor import Descriptor
from engine.oci.digest import DiffID, Digest, ImageID
from engine.oci.identity import chain_id, chain_ids
from engine.oci.media_types import OCI_LAYER, Compression
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.hold import Hold
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.store import ImageStore
    from engine.leases import Leases
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
    """Derives images in one engine root; *spools* is a directory on the disk of the root."""

    def __init__(
        self,
        *,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        unpacker: Unpacker,
        leases: Leases,
        collector: Collector,
        clock: Clock,
        spools: Path,
    ) -> None:
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._leases = leases
        self._collector = collector
        self._clock = clock
        self._spools = spools

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
        with holding(self._leases, self._collector) as hold, Spool(self._spools) as spool:
            diff_ids = parent.config.diff_ids
            hold.add_layers(*chain_ids(diff_ids))
            added = _put_aside(layer, spool)
            wanted = [_wanted(diff_ids, added, spool.size)] if added else []
            for each in wanted:
                self._unpack(hold, each, spool)
            config = self._config(parent, added, defaults, derivation)
            return self._images.ensure_image(
                config,
                [
                    *parent.layers,
                    *(
                        committed_layer(self._snapshots, each, archives=self._store)
                        for each in wanted
                    ),
                ],
                documents=[self._keep(hold, config.content)],
                tags=derivation.tags,
                owner=owner,
                source=source,
            )

    def _unpack(self, hold: Hold, layer: WantedLayer, spool: Spool) -> None:
        hold.add_layers(layer.chain_id)
        if self._snapshots.find(str(layer.chain_id)) is not None:
            return
        opened = partial(spool.open, 0, spool.size)
        staged = self._unpacker.stage_packed(
            Packed(opened, Compression.NONE, layer.diff_id.short),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=layer.parent,
            progress=SILENT,
            cancellation=NEVER,
        )
        self._unpacker.commit([staged])

    def _config(
        self,
        parent: ImageRecord,
        added: DiffID | None,
        defaults: ProcessDefaults,
        derivation: Derivation,
    ) -> ImageConfig:
        now = self._clock.now()
        entry = HistoryEntry(
            now,
            created_by=derivation.created_by,
            author=derivation.author,
            comment=derivation.comment,
            is_empty_layer=added is None,
        )
        content = render_config(
            platform=parent.config.platform,
            diff_ids=(*parent.config.diff_ids, *((added,) if added else ())),
            history=(*parent.config.history, entry),
            defaults=defaults,
            created_at=now,
            author=derivation.author,
        )
        return ImageConfig.parse(content)

    def _keep(self, hold: Hold, config: bytes) -> DocumentRecord:
        hold.add_blobs(Digest.of(config))
        digest = self._store.put(config)
        return DocumentRecord(digest, self._store.disk_bytes(digest))


def _put_aside(layer: Iterable[bytes], spool: Spool) -> DiffID | None:
    """Write *layer* to *spool* and return its digest; None if it has no entries."""
    hasher = hashlib.sha256(usedforsecurity=False)
    for piece in layer:
        hasher.update(piece)
        spool.write(piece)
    return DiffID(Digest(hasher.hexdigest())) if spool.size > len(END) else None


def _wanted(below: Sequence[DiffID], added: DiffID, size: int) -> WantedLayer:
    parent = chain_id(tuple(below)) if below else None
    descriptor = Descriptor(OCI_LAYER, added, size)
    return WantedLayer(descriptor, added, chain_id((*below, added)), parent)
