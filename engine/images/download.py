"""What a manifest asks to bring here, and bringing one layer of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.content.store import open_ingest
from engine.errors import CorruptStore, ForeignLayer, InvalidManifest, UnsupportedMediaType
from engine.images.record import LayerRecord
from engine.oci.identity import chain_ids
from engine.oci.media_types import LAYER_COMPRESSION, is_foreign
from engine.progress import LayerProgress, LayerStatus

if TYPE_CHECKING:
    from engine.content.store import Ingest, Store
    from engine.images.ports import LayerSnapshots
    from engine.oci.config import ImageConfig
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID
    from engine.oci.manifest import Manifest
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import RegistryClient


@dataclass(frozen=True, slots=True)
class WantedLayer:
    """One layer of an image: how it travels, what it is unpacked, and what it stands on."""

    descriptor: Descriptor
    diff_id: DiffID
    chain_id: ChainID
    parent: ChainID | None

    def progress(self, status: LayerStatus, current: int = 0) -> LayerProgress:
        """Return the event that says where this layer stands."""
        return LayerProgress(
            self.descriptor.digest.short, status, current, total=self.descriptor.size
        )

    def record(self, size: int, *, archive_bytes: int) -> LayerRecord:
        """Return the record of this layer, which takes *size* bytes on the disk, unpacked."""
        return LayerRecord(
            self.chain_id,
            self.diff_id,
            self.descriptor.digest,
            size,
            self.descriptor.size,
            self.descriptor.media_type,
            archive_bytes,
        )


def wanted_layers(manifest: Manifest, config: ImageConfig) -> tuple[WantedLayer, ...]:
    """
    Return the layers of an image, lowest first.

    Raises `InvalidManifest` where manifest and config do not belong together, `ForeignLayer`, and
    `UnsupportedMediaType` for a layer that cannot be unpacked here.
    """
    if len(manifest.layers) != len(config.diff_ids):
        reason = f"it has {len(manifest.layers)} layers, its config {len(config.diff_ids)}"
        raise InvalidManifest(reason, field="layers")
    for descriptor in manifest.layers:
        if is_foreign(descriptor.media_type):
            raise ForeignLayer(descriptor.digest, media_type=descriptor.media_type)
        if descriptor.media_type not in LAYER_COMPRESSION:
            raise UnsupportedMediaType(descriptor.media_type, what="layer")
    chains = chain_ids(config.diff_ids)
    parents = (None, *chains)
    rows = zip(manifest.layers, config.diff_ids, chains, parents, strict=False)
    return tuple(WantedLayer(*row) for row in rows)


def committed_layer(
    snapshots: LayerSnapshots, layer: WantedLayer, *, archives: Store | None = None
) -> LayerRecord:
    """
    Return the record of *layer*, which is unpacked and leased.

    Its archive counts where it is in *archives*.
    """
    committed = snapshots.find(str(layer.chain_id))
    if committed is None or committed.size is None:
        raise CorruptStore(f"layer {layer.chain_id} is gone although it is leased")
    digest = layer.descriptor.digest
    is_kept = archives is not None and archives.has(digest)
    return layer.record(
        committed.size, archive_bytes=archives.disk_bytes(digest) if archives and is_kept else 0
    )


@dataclass(frozen=True, slots=True)
class Downloader:
    """Brings the layers of one reference into the content store."""

    client: RegistryClient
    store: Store
    reference: Reference
    progress: ProgressSink
    cancellation: Cancellation

    def bring(self, layer: WantedLayer) -> int:
        """
        Bring the blob of *layer* into the store, going on from any part that is there.

        Returns how many bytes came over the wire: none where it is here, or where somebody else
        was bringing it and this call waited for that.
        """
        self.progress.emit(layer.progress(LayerStatus.DOWNLOADING))
        blob = layer.descriptor
        cancellation = self.cancellation
        with open_ingest(self.store, blob.digest, blob.size, cancellation=cancellation) as ingest:
            fetched = self._fetch(layer, ingest) if ingest is not None else 0
        self.progress.emit(layer.progress(LayerStatus.DOWNLOADED, blob.size))
        return fetched

    def _fetch(self, layer: WantedLayer, ingest: Ingest) -> int:
        start = ingest.offset
        stream = self.client.fetch_blob(self.reference, layer.descriptor, offset=start)
        with closing(stream) as chunks:
            for chunk in chunks:
                self.cancellation.check()
                ingest.write(chunk)
                self.progress.emit(layer.progress(LayerStatus.DOWNLOADING, ingest.offset))
        self.progress.emit(layer.progress(LayerStatus.VERIFYING, ingest.offset))
        ingest.commit()
        return ingest.offset - start
