"""What a manifest asks to bring here, and bringing one layer of it."""

from __future__ import annotations

import io
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.content.store import open_ingest
from engine.errors import (
    CorruptStore,
    DiffIDMismatch,
    ForeignLayer,
    InvalidLayer,
    InvalidManifest,
    UnsupportedMediaType,
)
from engine.images.record import LayerRecord
from engine.oci.identity import chain_ids
from engine.oci.media_types import LAYER_COMPRESSION, is_foreign
from engine.progress import LayerProgress, LayerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from engine.content.store import Ingest, Store
    from engine.images.ports import ImageSource, LayerSnapshots
    from engine.oci.config import ImageConfig
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID
    from engine.oci.manifest import Manifest
    from engine.oci.media_types import Compression
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink


@dataclass(frozen=True, slots=True)
class WantedLayer:
    """One layer of an image: how it travels, what it is unpacked, and what it stands on."""

    descriptor: Descriptor
    diff_id: DiffID
    chain_id: ChainID
    parent: ChainID | None

    @property
    def label(self) -> str:
        """What it is called in events of progress."""
        return self.descriptor.digest.short

    @property
    def compression(self) -> Compression:
        """How its bytes are packed."""
        return LAYER_COMPRESSION[self.descriptor.media_type]

    def progress(self, status: LayerStatus, current: int = 0) -> LayerProgress:
        """Return the event that says where this layer stands."""
        return LayerProgress(self.label, status, current, total=self.descriptor.size)

    def record(self, size: int, *, archive_bytes: int) -> LayerRecord:
        """Return the record of this layer, which takes *size* bytes on the disk, unpacked."""
        return LayerRecord(
            self.chain_id,
            self.diff_id,
            self.descriptor.digest,
            size,
            self.descriptor.size,
            self.descriptor.media_type,
            archive_bytes,
        )


def wanted_layers(manifest: Manifest, config: ImageConfig) -> tuple[WantedLayer, ...]:
    """
    Return the layers of an image, lowest first.

    Raises `InvalidManifest` where manifest and config do not belong together, `ForeignLayer`, and
    `UnsupportedMediaType` for a layer that cannot be unpacked here.
    """
    if len(manifest.layers) != len(config.diff_ids):
        reason = f"it has {len(manifest.layers)} layers, its config {len(config.diff_ids)}"
        raise InvalidManifest(reason, field="layers")
    for descriptor in manifest.layers:
        if is_foreign(descriptor.media_type):
            raise ForeignLayer(descriptor.digest, media_type=descriptor.media_type)
        if descriptor.media_type not in LAYER_COMPRESSION:
            raise UnsupportedMediaType(descriptor.media_type, what="layer")
    chains = chain_ids(config.diff_ids)
    parents = (None, *chains)
    rows = zip(manifest.layers, config.diff_ids, chains, parents, strict=False)
    return tuple(WantedLayer(*row) for row in rows)


def committed_layer(
    snapshots: LayerSnapshots, layer: WantedLayer, *, archives: Store | None = None
) -> LayerRecord:
    """
    Return the record of *layer*, which is unpacked and leased.

    Its archive counts where it is in *archives*.
    """
    committed = snapshots.find(str(layer.chain_id))
    if committed is None or committed.size is None:
        raise CorruptStore(f"layer {layer.chain_id} is gone although it is leased")
    digest = layer.descriptor.digest
    is_kept = archives is not None and archives.has(digest)
    return layer.record(
        committed.size, archive_bytes=archives.disk_bytes(digest) if archives and is_kept else 0
    )


class Downloader:
    """Brings the layers of one reference here, into the content store and to whoever unpacks."""

    def __init__(
        self,
        client: ImageSource,
        store: Store,
        reference: Reference,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> None:
        self._client = client
        self._store = store
        self._reference = reference
        self._progress = progress
        self._cancellation = cancellation
        self._guard = threading.Lock()
        self.fetched_bytes = 0

    @contextmanager
    def opened(self, layer: WantedLayer) -> Iterator[BinaryIO]:
        """
        Open the bytes of *layer*, which go to the store as they are read.

        What an earlier attempt left comes first, then what is fetched. They are verified, and the
        blob is in the store, once the block has ended without an error. Where it is in the store
        already, or somebody else was bringing it and was waited for, nothing is fetched.
        """
        blob, cancellation = layer.descriptor, self._cancellation
        self._progress.emit(layer.progress(LayerStatus.DOWNLOADING))
        with open_ingest(self._store, blob.digest, blob.size, cancellation=cancellation) as ingest:
            if ingest is None:
                self._progress.emit(layer.progress(LayerStatus.DOWNLOADED, blob.size))
                with closing(self._store.open_blob(blob.digest)) as stored:
                    yield stored
            else:
                yield from self._arriving(layer, ingest)

    def _arriving(self, layer: WantedLayer, ingest: Ingest) -> Iterator[BinaryIO]:
        start = ingest.offset
        with closing(Arrival(self._fetch(layer, ingest))) as arrival:
            try:
                yield cast("BinaryIO", arrival)
            except (InvalidLayer, DiffIDMismatch):
                # If these are other bytes than were announced, then that is what is wrong.
                self._finish(layer, ingest, arrival)
                raise
            finally:
                self._count(ingest.offset - start)
            self._finish(layer, ingest, arrival)
            self._progress.emit(layer.progress(LayerStatus.DOWNLOADED, ingest.offset))

    def _fetch(self, layer: WantedLayer, ingest: Ingest) -> Iterator[bytes]:
        yield from ingest.iter_kept()
        stream = self._client.fetch_blob(self._reference, layer.descriptor, offset=ingest.offset)
        with closing(stream) as chunks:
            for chunk in chunks:
                self._cancellation.check()
                ingest.write(chunk)
                self._progress.emit(layer.progress(LayerStatus.DOWNLOADING, ingest.offset))
                yield chunk

    def _finish(self, layer: WantedLayer, ingest: Ingest, arrival: Arrival) -> None:
        arrival.drain()
        self._progress.emit(layer.progress(LayerStatus.VERIFYING, ingest.offset))
        ingest.commit()

    def _count(self, fetched: int) -> None:
        with self._guard:
            self.fetched_bytes += fetched


class Arrival(io.RawIOBase):
    """Chunks of a blob as they come, to be read as a file is."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* of the next bytes, as many as are here; none at the end."""
        content = self._rest or next(self._chunks, b"")
        if size < 0 or len(content) <= size:
            self._rest = b""
            return content
        self._rest = content[size:]
        return content[:size]

    def drain(self) -> None:
        """Let the rest pass."""
        self._rest = b""
        for _ in self._chunks:
            pass

    def close(self) -> None:
        """Let go of the connection."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()
        super().close()
