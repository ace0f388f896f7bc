"""
Unpacking: from the bytes of an image's layers to committed snapshots.

Staging a layer does the work, while its bytes come in: in any order, by many threads, and by
several processes at once, which then share it. A layer that a manifest tells of is staged under its
chain ID; a tar of which nothing is known yet, under a name of its own. Committing makes a whole
stack visible in one step, once all of it is on the disk.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.layers.apply import AppliedLayer, apply_layer
from engine.layers.compression import open_layer
from engine.layers.direct import write_layer
from engine.layers.limits import DEFAULT_LIMITS, Limits
from engine.layers.settle import settle
from engine.oci.digest import DiffID
from engine.oci.media_types import Compression
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus
from engine.snapshots.snapshotter import Kind, Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from engine.layers.changeset import Item
    from engine.oci.digest import ChainID
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.locks import Locks

KEY_PREFIX = "unpack/"
COMMIT_LOCK = "unpack"
LOCK_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Packed:
    """
    The bytes of a layer, wherever they are; *label* stands in events of progress.

    They are right once the context that *open* returns has ended without an error, and not before.
    """

    open: Callable[[], AbstractContextManager[BinaryIO]]
    compression: Compression
    label: str


@dataclass(frozen=True, slots=True)
class StagedLayer:
    """
    A layer that is unpacked; *is_committed* if it was visible already.

    *key* is that of its staged snapshot where that has a name of its own.
    """

    chain_id: ChainID
    parent: ChainID | None
    is_committed: bool = False
    own_key: str = ""

    @property
    def key(self) -> str:
        """The key of its staged snapshot."""
        return self.own_key or staging_key(self.chain_id)


@dataclass(frozen=True, slots=True)
class StagedTar:
    """A tar that is unpacked under *key*, of which it is known by now what it was."""

    key: str
    diff_id: DiffID
    tar_bytes: int

    def on(self, parent: ChainID | None, chain_id: ChainID) -> StagedLayer:
        """Return it as the layer that it becomes on *parent*."""
        return StagedLayer(chain_id, parent, own_key=self.key)


@dataclass(frozen=True, slots=True)
class LayerSize:
    """What one committed layer occupies on disk."""

    chain_id: ChainID
    size: int


def staging_key(name: ChainID | str) -> str:
    """Return the key under which the layer of a chain ID, or a tar of that *name*, is staged."""
    return f"{KEY_PREFIX}{name}"


class Unpacker:
    """Turns bytes of layers into committed snapshots."""

    def __init__(
        self, snapshotter: Snapshotter, locks: Locks, *, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._snapshotter = snapshotter
        self._locks = locks
        self._limits = limits

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
        """
        Unpack *packed*, whose tar must have *diff_id*, while its bytes come in.

        Afterwards the layer is staged or committed, whoever did it; somebody else who is at it is
        waited for, and then nothing is opened. What was staged stays for the next pull if this one
        ends without `commit`, until it is collected: whoever collects takes the lock of its key and
        honours leases. Raises what `apply_layer` or opening and closing *packed* raises; then
        nothing is left.
        """
        with self._turn(chain_id, cancellation):
            if self._is_committed(chain_id):
                return StagedLayer(chain_id, parent, is_committed=True)
            staged = StagedLayer(chain_id, parent)
            found = self._snapshotter.find(staged.key)
            if found is None or found.details is None:
                self._snapshotter.remove(staged.key)  # of a process that was killed
                self._stage(staged.key, packed, diff_id, progress, cancellation)
            return staged

    def stage_tar(
        self,
        name: str,
        packed: Packed,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> StagedTar:
        """
        Unpack a tar of which nothing is known yet, under a *name* that nobody else uses.

        A lease on the layer of that name keeps it. Otherwise as `stage_packed`.
        """
        key = staging_key(name)
        with self._locks.held(key):
            applied = self._stage(key, packed, None, progress, cancellation)
        return StagedTar(key, DiffID(applied.diff_id), applied.unpacked_bytes)

    def stage_items(
        self, name: str, items: Iterable[Item], *, cancellation: Cancellation = NEVER
    ) -> StagedTar:
        """Stage a layer of our own, whose *items* are plain (`direct`), as `stage_tar` does."""
        key = staging_key(name)
        with self._locks.held(key):
            target = self._snapshotter.stage(key)
            try:
                notes = self._snapshotter.notes(key)
                applied = write_layer(items, target=target, notes=notes, cancellation=cancellation)
                self._snapshotter.seal(key, applied.render())
            except BaseException:
                self._snapshotter.remove(key)
                raise
        return StagedTar(key, DiffID(applied.diff_id), applied.unpacked_bytes)

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
        for each in layers:
            if each.own_key:
                self._snapshotter.remove(each.own_key)  # the same layer was here before
        return [LayerSize(each.chain_id, self._size(each.chain_id)) for each in layers]

    def replace(
        self,
        packed: Packed,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        cancellation: Cancellation = NEVER,
    ) -> None:
        """
        Unpack *packed* and let it take the place of the committed layer *chain_id*.

        Afterwards the layer is what its diff ID says, whatever it was before; or, on any error,
        nothing has changed. No mount may show it.
        """
        key = staging_key(f"again-{uuid.uuid4().hex}")
        with self._locks.held(key):
            self._stage(key, packed, diff_id, SILENT, cancellation)
            try:
                with self._locks.held(COMMIT_LOCK):
                    (pending,) = self._settle([StagedLayer(chain_id, parent, own_key=key)])
                    self._snapshotter.replace(pending, parent=parent)
            except BaseException:
                self._snapshotter.remove(key)
                raise

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
        key: str,
        packed: Packed,
        diff_id: DiffID | None,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> AppliedLayer:
        target = self._snapshotter.stage(key)
        try:
            with packed.open() as archive:
                stream = open_layer(archive, packed.compression)
                applied = apply_layer(
                    stream,
                    target=target,
                    notes=self._snapshotter.notes(key),
                    expected=diff_id,
                    # The tar of what travels packed comes out of its archive.
                    with_recipe=packed.compression is Compression.NONE,
                    limits=self._limits,
                    on_progress=_reporter(progress, packed.label),
                    cancellation=cancellation,
                )
            self._snapshotter.seal(key, applied.render())
        except BaseException:
            self._snapshotter.remove(key)
            raise
        return applied

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


def _reporter(progress: ProgressSink, label: str) -> Callable[[int], None]:
    def report(unpacked: int) -> None:
        progress.emit(LayerProgress(label, LayerStatus.EXTRACTING, current=unpacked))

    return report
