"""
Importing: from a bare tar of files, as `docker export` writes it, to an image of one layer.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from engine.images.archive_reader import UnpackedArchive
from engine.images.changes import apply_changes
from engine.images.download import WantedLayer, committed_layer
from engine.images.hold import holding
from engine.images.record import DocumentRecord, ImageRecord
from engine.images.spool import Spool
from engine.images.unpack import Packed
from engine.layers.limits import DEFAULT_LIMITS
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.descriptor import Descriptor
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.media_types import OCI_LAYER, Compression
from engine.oci.platform import Platform, host_platform
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.hold import Hold
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.system.clock import Clock

CHUNK = 1 << 20
MESSAGE = "Imported from -"


class Importer:
    """Imports tars into one engine root; *spools* is a directory on the disk of the root."""

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

    def import_tar(
        self,
        stream: BinaryIO,
        *,
        reference: Reference | None = None,
        changes: Sequence[str] = (),
        message: str = "",
        platform: Platform | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> ImageRecord:
        """
        Make an image of the files in the tar *stream*, packed or not, and let *reference* name it.

        *changes* are Dockerfile instructions, see `apply_changes`. Raises `InvalidSetting`, another
        kind of `InvalidInput`, `SystemFailure` or `Cancelled`; then nothing has changed.
        """
        defaults = apply_changes(ProcessDefaults(), changes)
        with holding(self._leases, self._collector) as hold, Spool(self._spools) as spool:
            diff_id = _put_aside(stream, spool, cancellation)
            layer = _layer(diff_id, spool.size)
            hold.add_layers(layer.chain_id)
            self._unpack(layer, spool, progress, cancellation)
            config = self._config(diff_id, defaults, message, platform)
            return self._images.ensure_image(
                config,
                [committed_layer(self._snapshots, layer, archives=self._store)],
                documents=[self._keep(hold, config.content)],
                tags=[reference] if reference else [],
                owner=owner,
                source="import",
            )

    def _unpack(
        self,
        layer: WantedLayer,
        spool: Spool,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> None:
        opened = partial(spool.open, 0, spool.size)
        staged = self._unpacker.stage_packed(
            Packed(opened, Compression.NONE, layer.diff_id.short),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=None,
            progress=progress,
            cancellation=cancellation,
        )
        self._unpacker.commit([staged])

    def _config(
        self, diff_id: DiffID, defaults: ProcessDefaults, message: str, platform: Platform | None
    ) -> ImageConfig:
        now = self._clock.now()
        content = render_config(
            platform=platform or host_platform(),
            diff_ids=(diff_id,),
            history=(HistoryEntry(now, comment=message or MESSAGE),),
            defaults=defaults,
            created_at=now,
        )
        return ImageConfig.parse(content)

    def _keep(self, hold: Hold, config: bytes) -> DocumentRecord:
        hold.add_blobs(Digest.of(config))
        digest = self._store.put(config)
        return DocumentRecord(digest, self._store.disk_bytes(digest))


def _put_aside(stream: BinaryIO, spool: Spool, cancellation: Cancellation) -> DiffID:
    """Write the unpacked bytes of *stream* to *spool* and return their digest."""
    unpacked = UnpackedArchive(stream, DEFAULT_LIMITS)
    hasher = hashlib.sha256(usedforsecurity=False)
    while content := unpacked.read(CHUNK):
        cancellation.check()
        hasher.update(content)
        spool.write(content)
    return DiffID(Digest(hasher.hexdigest()))


def _layer(diff_id: DiffID, size: int) -> WantedLayer:
    return WantedLayer(Descriptor(OCI_LAYER, diff_id, size), diff_id, ChainID(diff_id), None)
