"""
Unpacking ahead: what may be a layer is staged while the rest of its archive is still read.

An archive says at its end what is in it. Until then every member that looks like a tar is taken for
a layer; one that is none, or cannot be unpacked, or is a layer of no image that is wanted, is
dropped, and whoever needs it all the same finds out why in the ordinary way.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from engine.errors import EngineError
from engine.images.parallel import JointCancellation
from engine.images.unpack import staging_key

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from engine.images.hold import Hold
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.unpack import Packed, StagedTar
    from engine.oci.digest import DiffID, Digest
    from engine.progress import Cancellation, ProgressSink


class KnownLayers(Protocol):
    """Knows the layers of this host."""

    def has_layer_of(self, digest: Digest) -> bool:
        """Return whether a layer is here whose archive or whose tar has *digest*."""


class Ahead:
    """
    Stages tars in *threads* threads; use it as a context.

    Afterwards nothing is at work any more, and what was staged is part of an image or gone.
    """

    def __init__(
        self,
        unpacker: Unpacker,
        snapshots: LayerSnapshots,
        known: KnownLayers,
        *,
        hold: Hold,
        threads: int,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> None:
        self._unpacker = unpacker
        self._snapshots = snapshots
        self._known = known
        self._hold = hold
        self._pool = ThreadPoolExecutor(threads, "ahead")
        self._progress = progress
        self._cancellation = JointCancellation(cancellation)
        self._names: list[str] = []
        self._waiting: dict[Digest, Future[StagedTar | None]] = {}

    def begin(self, digest: Digest, packed: Packed) -> None:
        """Begin to stage *packed*, whose bytes have *digest*, unless such a layer is here."""
        if digest in self._waiting or self._known.has_layer_of(digest):
            return
        name = f"tar-{uuid.uuid4().hex}"
        self._hold.add_staged(name)
        self._names.append(name)
        self._waiting[digest] = self._pool.submit(self._stage, name, packed)

    def take(self, digest: Digest, diff_id: DiffID) -> StagedTar | None:
        """
        Return what was staged of the bytes *digest* if that is the tar *diff_id*, else None.

        It is waited for. It is given away once: a layer can have only one place.
        """
        staging = self._waiting.pop(digest, None)
        staged = staging.result() if staging else None
        return staged if staged and staged.diff_id == diff_id else None

    def drop(self) -> None:
        """Stop what nobody took."""
        if self._waiting:
            self._cancellation.cancel()
        self._pool.shutdown(cancel_futures=True)

    def _stage(self, name: str, packed: Packed) -> StagedTar | None:
        try:
            return self._unpacker.stage_tar(
                name, packed, progress=self._progress, cancellation=self._cancellation
            )
        except EngineError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cancellation.cancel()
        self._pool.shutdown(cancel_futures=True)
        for name in self._names:
            self._snapshots.remove(staging_key(name))
