"""Unpacking a layer once more, from its archive or its recipe, in place of what is there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.errors import LayerBusy
from engine.images.unpack import Packed
from engine.oci.media_types import LAYER_COMPRESSION, Compression

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.images.ports import LayerSource
    from engine.images.record import LayerRecord
    from engine.images.store import ImageStore
    from engine.images.unpack import Unpacker
    from engine.oci.digest import ChainID


class Restorer:
    """Restores layers of one engine root; *users* says which running containers show a layer."""

    def __init__(
        self,
        images: ImageStore,
        source: LayerSource,
        unpacker: Unpacker,
        users: Callable[[ChainID], tuple[str, ...]],
    ) -> None:
        self._images = images
        self._source = source
        self._unpacker = unpacker
        self._users = users

    def restore(self, layer: LayerRecord) -> str:
        """
        Unpack *layer* once more; afterwards its files and its index are what its diff ID says.

        What stands on it stands on the new files. Raises `LayerBusy` while a container runs on it,
        whose mount shows the old ones, or what reading and unpacking its bytes raises; then nothing
        has changed.
        """
        users = self._users(layer.chain_id)
        if users:
            raise LayerBusy(layer.chain_id, holders=users)
        below = self._images.stack_below(layer.chain_id)[:-1]
        self._unpacker.replace(
            self._packed(layer),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=below[-1].chain_id if below else None,
        )
        return "unpacked again from its " + ("archive" if layer.archive_bytes else "recipe")

    def _packed(self, layer: LayerRecord) -> Packed:
        if not layer.archive_bytes:
            opened = partial(self._source.open_tar, layer)
            return Packed(opened, Compression.NONE, layer.diff_id.short)
        compression = LAYER_COMPRESSION[layer.media_type]
        return Packed(lambda: self._source.open_archive(layer)[1], compression, layer.digest.short)
