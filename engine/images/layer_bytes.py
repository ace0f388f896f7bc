"""
The bytes of layers, given back: out of the archive that was kept, or made again from a recipe.

What is read has been verified once it is read to its end. An archive that has to be made is made
the same way every time, so that its digest, once told to a registry, stays true.
"""

from __future__ import annotations

import hashlib
import io
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from isal import isal_zlib

from engine.errors import CorruptStore
from engine.images.spool import Spool
from engine.layers.compression import open_layer
from engine.layers.recipe import iter_tar
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.media_types import LAYER_COMPRESSION, OCI_LAYER_GZIP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.content.store import Store
    from engine.images.record import LayerRecord
    from engine.images.store import ImageStore
    from engine.oci.digest import ChainID

CHUNK = 1 << 20
_GZIP_LEVEL = 2
_GZIP_WITHOUT_TIME = 31  # window of 32 KiB, with gzip's header and checksum


class LayerFiles(Protocol):
    """Where the files of layers are: the part of a `Snapshotter` that matters here."""

    def open_note(self, key: str, name: str) -> BinaryIO:
        """See `Snapshotter.open_note`."""

    def own_directory(self, name: ChainID) -> Path:
        """Return where the files that the layer itself brought are found."""


class LayerBytes:
    """A `LayerSource` over one engine root; *spools* is a directory on the disk of the root."""

    def __init__(
        self, images: ImageStore, store: Store, files: LayerFiles, *, spools: Path
    ) -> None:
        self._images = images
        self._store = store
        self._files = files
        self._spools = spools

    def open_tar(self, layer: LayerRecord) -> BinaryIO:
        """See `LayerSource.open_tar`."""
        if not layer.archive_bytes:
            notes = partial(self._files.open_note, str(layer.chain_id))
            files = self._files.own_directory(layer.chain_id)
            return _verified(iter_tar(notes, files), layer.diff_id)
        packed = self._store.open_blob(layer.digest)
        tar = open_layer(packed, LAYER_COMPRESSION[layer.media_type])
        return _verified(_chunks(tar), layer.diff_id, closing=packed.close)

    def find_archive(self, layer: LayerRecord) -> Descriptor | None:
        """See `LayerSource.find_archive`."""
        if not layer.archive_bytes and layer.digest == layer.diff_id:
            return None
        return Descriptor(layer.media_type, layer.digest, layer.compressed_size)

    def open_archive(self, layer: LayerRecord) -> tuple[Descriptor, BinaryIO]:
        """See `LayerSource.open_archive`."""
        found = self.find_archive(layer)
        if found is not None and layer.archive_bytes:
            blob = self._store.open_blob(layer.digest)
            return found, _verified(_chunks(blob), layer.digest, closing=blob.close)
        made, stream = self._made(layer)
        if made != found:
            self._images.note_archive(layer.chain_id, made)
        return made, stream

    def _made(self, layer: LayerRecord) -> tuple[Descriptor, BinaryIO]:
        # Aside and whole, because a registry wants the digest before the bytes.
        spool = Spool(self._spools)
        try:
            with self.open_tar(layer) as tar:
                digest = _pack(tar, spool)
            packed = spool.open(0, spool.size)
        except BaseException:
            spool.close()
            raise
        stream = _verified(_chunks(packed), digest, closing=spool.close)
        return Descriptor(OCI_LAYER_GZIP, digest, spool.size), stream


class _Verified(io.RawIOBase):
    """Bytes that should have a digest; the read that finds their end raises if they do not."""

    def __init__(
        self, chunks: Iterator[bytes], digest: Digest, closing: Callable[[], None] | None
    ) -> None:
        self._chunks = chunks
        self._expected = digest
        self._closing = closing
        self._hasher = hashlib.sha256(usedforsecurity=False)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        if not self._rest:
            self._rest = memoryview(self._next())
        content, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return content

    def close(self) -> None:
        if self._closing is not None and not self.closed:
            self._closing()
        super().close()

    def _next(self) -> bytes:
        content = next(self._chunks, b"")
        self._hasher.update(content)
        if not content and self._hasher.hexdigest() != self._expected.hex:
            raise CorruptStore(f"what is here of {self._expected} is something else")
        return content


def _verified(
    chunks: Iterator[bytes], digest: Digest, *, closing: Callable[[], None] | None = None
) -> BinaryIO:
    return cast("BinaryIO", _Verified(chunks, digest, closing))


def _chunks(stream: io.RawIOBase | BinaryIO) -> Iterator[bytes]:
    while content := stream.read(CHUNK):
        yield content


def _pack(tar: BinaryIO, spool: Spool) -> Digest:
    """Write *tar* to *spool*, packed as it always is, and return the digest of that."""
    packer = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WITHOUT_TIME)
    hasher = hashlib.sha256(usedforsecurity=False)
    for content in _even(tar):
        packed = packer.compress(content)
        hasher.update(packed)
        spool.write(packed)
    rest = packer.flush()
    hasher.update(rest)
    spool.write(rest)
    return Digest(hasher.hexdigest())


def _even(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes in pieces of one size: what is packed must not depend on how they came."""
    held = bytearray()
    while content := stream.read(CHUNK):
        held += content
        while len(held) >= CHUNK:
            yield bytes(held[:CHUNK])
            del held[:CHUNK]
    if held:
        yield bytes(held)
