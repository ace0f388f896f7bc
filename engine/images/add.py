"""
Adding images that were made here: from a config and the tars of its layers to a record.

The same road as a pull, without a registry: leased, unpacked, made visible lowest first, and then
recorded in one transaction, so that a crash on the way shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.images.download import committed_layer, wanted_layers
from engine.images.hold import Hold, holding
from engine.images.record import DocumentRecord, ImageRecord
from engine.oci.config import ImageConfig
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest
from engine.oci.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.content.store import Store
    from engine.images.download import WantedLayer
    from engine.images.gc import Collector
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.store import ImageStore
    from engine.images.unpack import StagedLayer
    from engine.leases import Leases
    from engine.oci.reference import Reference


class Adder:
    """Adds images to one engine root."""

    def __init__(
        self,
        *,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        unpacker: Unpacker,
        leases: Leases,
        collector: Collector,
    ) -> None:
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._leases = leases
        self._collector = collector

    def add(
        self,
        config: bytes,
        tars: Sequence[bytes],
        *,
        tags: Iterable[Reference] = (),
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """
        Add the image of *config* whose layers are the plain *tars*, lowest first.

        Afterwards it is here and *tags* name it, whether or not it was before. Raises
        `InvalidImageConfig`, `InvalidManifest` where the two do not belong together, or what
        unpacking raises; then nothing is left.
        """
        parsed = ImageConfig.parse(config)
        layers = wanted_layers(_manifest(config, tars), parsed)
        with holding(self._leases, self._collector) as hold:
            self._unpack(hold, layers, tars)
            return self._images.ensure_image(
                parsed,
                [committed_layer(self._snapshots, layer) for layer in layers],
                documents=[self._keep(hold, config)],
                tags=tags,
                owner=owner,
                source=source,
            )

    def _unpack(self, hold: Hold, layers: Sequence[WantedLayer], tars: Sequence[bytes]) -> None:
        hold.add_layers(*(layer.chain_id for layer in layers))
        hold.add_blobs(*(layer.descriptor.digest for layer in layers))
        staged = [
            self._stage(layer, tar)
            for layer, tar in zip(layers, tars, strict=True)
            if self._snapshots.find(str(layer.chain_id)) is None
        ]
        self._unpacker.commit(staged)

    def _stage(self, layer: WantedLayer, tar: bytes) -> StagedLayer:
        self._store.put(tar)
        return self._unpacker.stage(
            layer.descriptor,
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=layer.parent,
            progress=SILENT,
            cancellation=NEVER,
        )

    def _keep(self, hold: Hold, config: bytes) -> DocumentRecord:
        hold.add_blobs(Digest.of(config))
        digest = self._store.put(config)
        return DocumentRecord(digest, self._store.disk_bytes(digest))


def _manifest(config: bytes, tars: Sequence[bytes]) -> Manifest:
    """Return what says how the parts of the image hang together; it is not stored."""
    layers = tuple(Descriptor(OCI_LAYER, Digest.of(tar), len(tar)) for tar in tars)
    return Manifest(OCI_MANIFEST, Descriptor(OCI_CONFIG, Digest.of(config), len(config)), layers)
