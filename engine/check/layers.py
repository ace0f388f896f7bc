"""Layers: each recorded one unpacked and whole, each unpacked one recorded, and nothing stray."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from engine.check.findings import Damage, Finding, Found
from engine.check.trees import compare_tree
from engine.errors import CorruptStore
from engine.images.gc import layer_of
from engine.images.resources import layer_resource
from engine.layers.index import find_index
from engine.oci.digest import ChainID, Digest
from engine.snapshots.snapshotter import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.check.restoring import Restorer
    from engine.images.gc import Collector
    from engine.images.record import LayerRecord
    from engine.images.store import ImageStore
    from engine.layers.index import LayerIndex
    from engine.leases import Leases
    from engine.progress import Cancellation
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.database import Database

SHOWN = 20


class LayerCheck:
    """Looks at the unpacked layers of one engine root."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        snapshotter: Snapshotter,
        leases: Leases,
        collector: Collector,
        restorer: Restorer,
    ) -> None:
        self._database = database
        self._images = images
        self._snapshotter = snapshotter
        self._leases = leases
        self._collector = collector
        self._restorer = restorer
        self.count = 0

    def find(self, cancellation: Cancellation) -> Iterator[Found]:
        """Yield what is wrong: the lowest layers first, because repairs go upwards."""
        for layer in self._images.list_layers_upwards():
            self.count += 1
            with self._leases.held() as lease:
                lease.add(layer_resource(layer.chain_id))
                yield from self._look_at(layer, cancellation)
        yield from self._unowned()
        yield from self._stray_directories()

    def _look_at(self, layer: LayerRecord, cancellation: Cancellation) -> Iterator[Found]:
        snapshot = self._snapshotter.find(str(layer.chain_id))
        repair = partial(self._restorer.restore, layer)
        if snapshot is None or snapshot.kind is not Kind.COMMITTED:
            if self._images.has_layer(layer.chain_id):
                yield _found(Damage.LAYER_MISSING, layer, "it is not unpacked", repair)
            return
        own = self._snapshotter.own_directory(layer.chain_id)
        if not own.is_dir():
            yield _found(Damage.LAYER_MISSING, layer, "its directory is gone", repair)
            return
        index = self._index(layer.chain_id)
        if index is None:
            yield _found(Damage.INDEX_MISSING, layer, "what it should hold is unknown", repair)
            return
        problems = compare_tree(
            own,
            index,
            is_own=self._snapshotter.keeps_layers_apart,
            cancellation=cancellation,
        )
        seen = list(islice(problems, SHOWN))
        if seen:
            detail = "; ".join(f"{path} {reason}" for path, reason in seen)
            yield _found(Damage.LAYER_CHANGED, layer, detail, repair)

    def _index(self, chain_id: ChainID) -> LayerIndex | None:
        try:
            notes = partial(self._snapshotter.open_note, str(chain_id))
            return find_index(notes, f"layer {chain_id}")
        except CorruptStore:
            return None

    def _unowned(self) -> Iterator[Found]:
        for snapshot in reversed(list(self._snapshotter.iter_snapshots())):
            text = layer_of(snapshot)
            if text is None or snapshot.kind is not Kind.COMMITTED:
                continue
            chain_id = ChainID(Digest.parse(text))
            if not self._is_needed(chain_id):
                detail = f"{snapshot.size or 0} bytes that no image lists"
                finding = Finding(Damage.LAYER_UNOWNED, text, detail)
                yield Found(finding, partial(self._drop, chain_id))

    def _is_needed(self, chain_id: ChainID) -> bool:
        with self._database.write() as transaction:
            is_leased = layer_resource(chain_id) in self._leases.leased(transaction)
            return is_leased or self._images.is_layer_listed(str(chain_id))

    def _drop(self, chain_id: ChainID) -> str:
        freed = self._collector.collect_layers([chain_id])
        return f"removed, {freed} bytes came free"

    def _stray_directories(self) -> Iterator[Found]:
        for path in self._snapshotter.stray_directories():
            finding = Finding(Damage.DIRECTORY_UNOWNED, str(path), "no record names it")
            yield Found(finding, self._sweep)

    def _sweep(self) -> str:
        return f"removed, {self._snapshotter.sweep()} bytes came free"


def _found(damage: Damage, layer: LayerRecord, detail: str, repair: partial[str]) -> Found:
    return Found(Finding(damage, str(layer.chain_id), detail), repair)
