"""Making layers of this host: of tars as they are written, and of what a program changed."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.build.cache import MadeLayer
from engine.build.unpacking import Pieces
from engine.containers.scaffold import is_scaffold
from engine.images.changeset import changed_directory, iter_changes_of
from engine.images.resources import layer_resource
from engine.images.unpack import Packed
from engine.oci.digest import ChainID, Digest
from engine.oci.media_types import Compression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from engine.build.stubs import Stubs
    from engine.images.unpack import Unpacker
    from engine.leases import Lease
    from engine.oci.digest import DiffID
    from engine.progress import Cancellation
    from engine.snapshots.snapshotter import Snapshotter

LABEL = "layer"


@dataclass(frozen=True, slots=True)
class SnapshotLayers:
    """A `LayerMaker` over the snapshots of one engine root."""

    snapshotter: Snapshotter
    unpacker: Unpacker

    def make(
        self,
        pieces: Iterable[bytes],
        *,
        parent: ChainID | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """See `LayerMaker.make`."""
        name = f"build-{uuid.uuid4().hex}"
        lease.add(layer_resource(cast("ChainID", name)))
        packed = Packed(lambda: _opened(pieces), Compression.NONE, LABEL)
        staged = self.unpacker.stage_tar(name, packed, cancellation=cancellation)
        try:
            chain_id = stacked(parent, staged.diff_id)
            # Before it is visible: from then on it could be collected.
            lease.add(layer_resource(chain_id))
            (layer,) = self.unpacker.commit([staged.on(parent, chain_id)])
        except BaseException:
            self.snapshotter.remove(staged.key)
            raise
        return MadeLayer(chain_id, staged.diff_id, layer.size, staged.tar_bytes)

    def capture(
        self,
        key: str,
        *,
        stubs: Stubs,
        latest_ns: int | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """See `LayerMaker.capture`."""
        left = stubs.left_in(changed_directory(self.snapshotter, key))
        changes = iter_changes_of(
            self.snapshotter,
            key,
            is_left_out=lambda path, status: path in left or is_scaffold(path, status),
            latest_ns=latest_ns,
        )
        parent = self.snapshotter.get(key).parent
        return self.make(changes, parent=parent, lease=lease, cancellation=cancellation)


def stacked(parent: ChainID | None, diff_id: DiffID) -> ChainID:
    """Return the identity of the layer *diff_id* on *parent*."""
    if parent is None:
        return ChainID(diff_id)
    return ChainID(Digest.of(f"{parent} {diff_id}".encode()))


@contextmanager
def _opened(pieces: Iterable[bytes]) -> Iterator[BinaryIO]:
    yield cast("BinaryIO", Pieces(pieces))
