"""Making layers of this host: of tars as they are written, and of what a program changed."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.build.cache import MadeLayer
from engine.build.unpacking import Pieces
from engine.containers.scaffold import is_scaffold
from engine.errors import SnapshotExists
from engine.images.changeset import changed_directory, iter_changes_of
from engine.images.resources import layer_resource
from engine.images.unpack import Packed
from engine.layers.adopt import adopt
from engine.oci.digest import ChainID, Digest
from engine.oci.media_types import Compression

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from engine.build.stubs import Stubs
    from engine.images.unpack import StagedTar, Unpacker
    from engine.layers.adopt import Adopted
    from engine.layers.changeset import Item
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
        name = _leased_name(lease)
        packed = Packed(lambda: _opened(pieces), Compression.NONE, LABEL)
        staged = self.unpacker.stage_tar(name, packed, cancellation=cancellation)
        return self._made(staged, parent, lease)

    def make_of(
        self,
        items: Iterable[Item],
        *,
        parent: ChainID | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """See `LayerMaker.make_of`."""
        name = _leased_name(lease)
        staged = self.unpacker.stage_items(name, items, cancellation=cancellation)
        return self._made(staged, parent, lease)

    def _made(self, staged: StagedTar, parent: ChainID | None, lease: Lease) -> MadeLayer:
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
        parent = self.snapshotter.get(key).parent

        def is_left_out(path: bytes, status: os.stat_result) -> bool:
            return path in left or is_scaffold(path, status)

        upper = self.snapshotter.changes_directory(key)
        if upper is None:
            changes = iter_changes_of(
                self.snapshotter, key, is_left_out=is_left_out, latest_ns=latest_ns
            )
            return self.make(changes, parent=parent, lease=lease, cancellation=cancellation)
        adopted = adopt(
            upper,
            self.snapshotter.layer_directories(parent) if parent else [],
            notes=self.snapshotter.notes(key),
            is_left_out=is_left_out,
            latest_ns=latest_ns,
            cancellation=cancellation,
        )
        return self._committed(key, parent, adopted, lease)

    def _committed(
        self, key: str, parent: ChainID | None, adopted: Adopted, lease: Lease
    ) -> MadeLayer:
        chain_id = stacked(parent, adopted.diff_id)
        # Before it is visible: from then on it could be collected.
        lease.add(layer_resource(chain_id))
        found = self.snapshotter.find(str(chain_id))
        if found is None:
            try:
                size = self.snapshotter.commit(chain_id, key=key)
                return MadeLayer(chain_id, adopted.diff_id, size, adopted.tar_bytes)
            except SnapshotExists:
                found = self.snapshotter.get(str(chain_id))
        return MadeLayer(chain_id, adopted.diff_id, found.size or 0, adopted.tar_bytes)


def _leased_name(lease: Lease) -> str:
    name = f"build-{uuid.uuid4().hex}"
    lease.add(layer_resource(cast("ChainID", name)))
    return name


def stacked(parent: ChainID | None, diff_id: DiffID) -> ChainID:
    """Return the identity of the layer *diff_id* on *parent*."""
    if parent is None:
        return ChainID(diff_id)
    return ChainID(Digest.of(f"{parent} {diff_id}".encode()))


@contextmanager
def _opened(pieces: Iterable[bytes]) -> Iterator[BinaryIO]:
    yield cast("BinaryIO", Pieces(pieces))
