"""Unpacked layers in memory: a `LayerSnapshots` and an `Unpacker` in one."""

from __future__ import annotations

import gzip
import io
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import DiffIDMismatch, InvalidLayer, SnapshotInUse
from engine.images.unpack import Packed, StagedLayer, StagedTar, staging_key
from engine.oci.descriptor import Descriptor
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.media_types import LAYER_COMPRESSION, OCI_LAYER_GZIP, Compression
from engine.progress import LayerProgress, LayerStatus
from engine.snapshots.snapshotter import Kind, Snapshot
from tests.support.fakes import FAKE_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.images.record import LayerRecord
    from engine.progress import Cancellation, ProgressSink


class FakeLayers:
    """A layer takes as many blocks of 4096 bytes as its tar would fill."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: dict[str, Snapshot] = {}
        self._guard = threading.Lock()
        self.staged: list[ChainID] = []
        self.staged_tars: list[DiffID] = []
        self._turns: dict[ChainID, threading.Lock] = {}
        self.tars: dict[DiffID, bytes] = {}

    def stage_packed(
        self,
        packed: Packed,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> StagedLayer:
        staged = StagedLayer(chain_id, parent)
        with self._turn(chain_id):
            if self.find(str(chain_id)) is None and self.find(staged.key) is None:
                self._put_staged(staged.key, packed, diff_id, progress, cancellation)
                self.staged.append(chain_id)
        return staged

    def stage_tar(
        self, name: str, packed: Packed, *, progress: ProgressSink, cancellation: Cancellation
    ) -> StagedTar:
        key = staging_key(name)
        tar = self._put_staged(key, packed, None, progress, cancellation)
        diff_id = DiffID(Digest.of(tar))
        self.staged_tars.append(diff_id)
        return StagedTar(key, diff_id, len(tar))

    def _turn(self, chain_id: ChainID) -> threading.Lock:
        with self._guard:
            return self._turns.setdefault(chain_id, threading.Lock())

    def _put_staged(
        self,
        key: str,
        packed: Packed,
        diff_id: DiffID | None,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> bytes:
        cancellation.check()
        with packed.open() as stream:
            tar = _unpacked(stream, packed.compression)
            if diff_id not in {None, DiffID(Digest.of(tar))}:
                raise DiffIDMismatch(expected=diff_id, actual=Digest.of(tar))
        progress.emit(LayerProgress(packed.label, LayerStatus.EXTRACTING, len(tar)))
        with self._guard:
            self.tars[DiffID(Digest.of(tar))] = tar
            size = -(-len(tar) // FAKE_BLOCK) * FAKE_BLOCK
            self._snapshots[key] = Snapshot(key, Kind.STAGED, size=size)
        return tar

    def commit(self, staged: Iterable[StagedLayer]) -> None:
        with self._guard:
            for each in staged:
                assert each.parent is None or str(each.parent) in self._snapshots
                done = self._snapshots.pop(each.key, None)
                if done is not None:
                    self.put(each.chain_id, parent=each.parent, size=done.size or 0)

    def put(self, chain_id: ChainID, *, parent: ChainID | None, size: int) -> None:
        snapshot = Snapshot(str(chain_id), Kind.COMMITTED, parent, size)
        self._snapshots.setdefault(str(chain_id), snapshot)

    def find(self, key: str) -> Snapshot | None:
        return self._snapshots.get(key)

    def remove(self, key: str) -> int:
        for each in self._snapshots.values():
            if str(each.parent) == key:
                raise SnapshotInUse(key, holder=each.key)
        removed = self._snapshots.pop(key, None)
        return removed.size or 0 if removed else 0

    def remove_each(self, keys: Sequence[str]) -> dict[str, int]:
        gone = {}
        for key in keys:
            with suppress(SnapshotInUse):
                gone[key] = self.remove(key)
        return gone

    def iter_snapshots(self) -> Iterator[Snapshot]:
        yield from list(self._snapshots.values())

    def hold(self, container: str, *, parent: ChainID) -> None:
        """Let a container stand on a layer."""
        self._snapshots[container] = Snapshot(container, Kind.ACTIVE, parent)

    @property
    def disk_bytes(self) -> int:
        return sum(each.size or 0 for each in self._snapshots.values())


def packed_blob(store: Store, descriptor: Descriptor) -> Packed:
    """Return the bytes of a layer out of *store*."""
    compression = LAYER_COMPRESSION[descriptor.media_type]
    opened = partial(store.open_blob, descriptor.digest)
    return Packed(opened, compression, descriptor.digest.short)


class FakeLayerSource:
    """A `LayerSource` over what *layers* were given, and the archives that *store* kept."""

    def __init__(self, layers: FakeLayers, store: Store) -> None:
        self._layers = layers
        self._store = store
        self._packed: dict[DiffID, Descriptor] = {}

    def open_tar(self, layer: LayerRecord) -> BinaryIO:
        return io.BytesIO(self._layers.tars[layer.diff_id])

    def find_archive(self, layer: LayerRecord) -> Descriptor | None:
        if self._store.has(layer.digest):
            return Descriptor(layer.media_type, layer.digest, layer.compressed_size)
        return self._packed.get(layer.diff_id)

    def open_archive(self, layer: LayerRecord) -> tuple[Descriptor, BinaryIO]:
        found = self.find_archive(layer)
        if found is None:
            packed = gzip.compress(self._layers.tars[layer.diff_id], mtime=0)
            found = Descriptor(OCI_LAYER_GZIP, self._store.put(packed), len(packed))
            self._packed[layer.diff_id] = found
        return found, self._store.open_blob(found.digest)


def _unpacked(stream: BinaryIO, compression: Compression) -> bytes:
    content = b"".join(iter(lambda: stream.read(1 << 16), b""))
    if compression is Compression.NONE:
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InvalidLayer("it is not gzip") from error
