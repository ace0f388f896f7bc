"""Layers as they came from a registry, out of the content store: the one source so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from engine.errors import BlobNotFound
from engine.layers.compression import open_layer
from engine.oci.descriptor import Descriptor
from engine.oci.media_types import LAYER_COMPRESSION

if TYPE_CHECKING:
    from engine.content.store import Store
    from engine.images.record import LayerRecord


class KeptArchives:
    """A `LayerSource` of the archives in *store*; other layers raise `BlobNotFound`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open_tar(self, layer: LayerRecord) -> BinaryIO:
        """See `LayerSource.open_tar`."""
        descriptor, packed = self.open_archive(layer)
        return cast("BinaryIO", open_layer(packed, LAYER_COMPRESSION[descriptor.media_type]))

    def find_archive(self, layer: LayerRecord) -> Descriptor | None:
        """See `LayerSource.find_archive`."""
        if not layer.archive_bytes:
            return None
        return Descriptor(layer.media_type, layer.digest, layer.compressed_size)

    def open_archive(self, layer: LayerRecord) -> tuple[Descriptor, BinaryIO]:
        """See `LayerSource.open_archive`."""
        descriptor = self.find_archive(layer)
        if descriptor is None:
            raise BlobNotFound(layer.diff_id)
        return descriptor, self._store.open_blob(layer.digest)
