"""
Unpacking: from the blobs of an image's layers to committed snapshots.

Staging a layer does the work: it can be done in any order, by many threads, and by several
processes at once, which then share it. Committing makes a whole stack visible in one step, once all
of it is on the disk.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import UnsupportedMediaType
from engine.layers.apply import AppliedLayer, apply_layer
from engine.layers.compression import open_layer
from engine.layers.limits import DEFAULT_LIMITS, Limits
from engine.layers.settle import settle
from engine.oci.media_types import LAYER_COMPRESSION
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus
from engine.snapshots.snapshotter import Kind, Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID
    from engine.oci.media_types import Compression
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.locks import Locks

KEY_PREFIX = "unpack/"
COMMIT_LOCK = "unpack"
LOCK_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Packed:
    """The bytes of a layer, wherever they are; *label* stands in events of progress."""

    open: Callable[[], BinaryIO]
    compression: Compression
    label: str


@dataclass(frozen=True, slots=True)
class StagedLayer:
    """A layer that is unpacked; *is_committed* if it was visible already."""

    chain_id: ChainID
    parent: ChainID | None
    is_committed: bool = False

    @property
    def key(self) -> str:
        """The key of its staged snapshot."""
        return staging_key(self.chain_id)


@dataclass(frozen=True, slots=True)
class LayerSize:
    """What one committed layer occupies on disk."""

    chain_id: ChainID
    size: int


def staging_key(chain_id: ChainID) -> str:
    """Return the key under which the layer of *chain_id* is staged."""
    return f"{KEY_PREFIX}{chain_id}"


class Unpacker:
    """Turns blobs in *store* into committed snapshots."""

    def __init__(
        self,
        store: Store,
        snapshotter: Snapshotter,
        locks: Locks,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._store = store
        self._snapshotter = snapshotter
        self._locks = locks
        self._limits = limits

    def stage(
        self,
        descriptor: Descriptor,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> StagedLayer:
        """
        Unpack the blob of *descriptor*, whose tar must have *diff_id*.

        Afterwards the layer is staged or committed, whoever did it; somebody else who is at it is
        waited for. What was staged stays for the next pull if this one ends without `commit`, until
        it is collected: whoever collects takes the lock of its key and honours leases.
        Raises what `apply_layer` raises, `UnsupportedMediaType` or `BlobNotFound`; then nothing is
        left.
        """
        compression = LAYER_COMPRESSION.get(descriptor.media_type)
        if compression is None:
            raise UnsupportedMediaType(descriptor.media_type, what="layer")
        packed = Packed(
            partial(self._store.open_blob, descriptor.digest), compression, descriptor.digest.short
        )
        return self.stage_packed(
            packed,
            diff_id=diff_id,
            chain_id=chain_id,
            parent=parent,
            progress=progress,
            cancellation=cancellation,
        )

    def stage_packed(
        self,
        packed: Packed,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> StagedLayer:
        """Unpack a layer whose bytes are not in the content store; otherwise as `stage`."""
        with self._turn(chain_id, cancellation):
            if self._is_committed(chain_id):
                return StagedLayer(chain_id, parent, is_committed=True)
            staged = StagedLayer(chain_id, parent)
            found = self._snapshotter.find(staged.key)
            if found is None or found.details is None:
                self._snapshotter.remove(staged.key)  # of a process that was killed
                self._stage(packed, diff_id, staged.key, progress, cancellation)
            return staged

    def commit(self, staged: Iterable[StagedLayer]) -> list[LayerSize]:
        """
        Make *staged* layers of one stack visible, lowest first, and return the size of each.

        Afterwards all are committed and survive a power cut, whoever committed them; or, on any
        error, none of those that were not. One call for the whole stack is much faster than many.
        """
        layers = list(staged)
        with self._locks.held(COMMIT_LOCK):
            waiting = [each for each in layers if not self._is_committed(each.chain_id)]
            if waiting:
                stack = self._settle(waiting)
                self._snapshotter.commit_stack(stack, parent=waiting[0].parent)
        return [LayerSize(each.chain_id, self._size(each.chain_id)) for each in layers]

    @contextmanager
    def _turn(self, chain_id: ChainID, cancellation: Cancellation) -> Iterator[None]:
        """Be the only one who stages *chain_id*, in any process; waiting can be cancelled."""
        with ExitStack() as stack:
            while True:
                attempt = stack.enter_context(ExitStack())
                if attempt.enter_context(self._locks.tried(staging_key(chain_id))):
                    break
                attempt.close()
                cancellation.wait(LOCK_POLL_SECONDS)
            yield

    def _stage(
        self,
        packed: Packed,
        diff_id: DiffID,
        key: str,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> None:
        target = self._snapshotter.stage(key)
        try:
            applied = self._apply(packed, diff_id, target, progress, cancellation)
            self._snapshotter.seal(key, applied.render())
        except BaseException:
            self._snapshotter.remove(key)
            raise

    def _apply(
        self,
        packed: Packed,
        diff_id: DiffID,
        target: Path,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> AppliedLayer:
        def report(unpacked: int) -> None:
            progress.emit(LayerProgress(packed.label, LayerStatus.EXTRACTING, current=unpacked))

        with closing(packed.open()) as archive:
            return apply_layer(
                open_layer(archive, packed.compression),
                target=target,
                expected=diff_id,
                limits=self._limits,
                on_progress=report,
                cancellation=cancellation,
            )

    def _settle(self, layers: Sequence[StagedLayer]) -> list[Pending]:
        lowers = self._directories_below(layers[0].parent)
        stack = []
        for layer in layers:
            applied = AppliedLayer.parse(self._snapshotter.get(layer.key).details or "")
            upper = self._snapshotter.staged_directory(layer.key)
            size = settle(upper, lowers, applied)
            stack.append(Pending(layer.key, layer.chain_id, size))
            lowers = [upper, *lowers]
        return stack

    def _directories_below(self, parent: ChainID | None) -> list[Path]:
        return [] if parent is None else self._snapshotter.layer_directories(parent)

    def _is_committed(self, chain_id: ChainID) -> bool:
        found = self._snapshotter.find(str(chain_id))
        return found is not None and found.kind is Kind.COMMITTED

    def _size(self, chain_id: ChainID) -> int:
        return self._snapshotter.get(str(chain_id)).size or 0
