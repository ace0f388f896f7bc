"""Fakes of the engine's ports. Each passes the contract suite of its port, as the real ones do."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.content.store import Blob, KeptIngest
from engine.content.verify import Verifier
from engine.errors import BlobNotFound, IngestLocked, IntegrityError, LimitExceeded
from engine.oci.digest import Digest
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import BinaryIO

    from engine.system.clock import Clock

FAKE_BLOCK = 4096


class FakeStore:
    """A `Store` in memory, whose disk has blocks of 4096 bytes."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.partials: dict[Digest, bytes] = {}
        self._stored_at: dict[Digest, datetime] = {}
        self._written_at: dict[Digest, datetime] = {}
        self._locked: set[Digest] = set()
        self._clock = clock

    def has(self, digest: Digest) -> bool:
        return digest in self.blobs

    def size(self, digest: Digest) -> int:
        return len(self._content(digest))

    def disk_bytes(self, digest: Digest) -> int:
        return _blocks(self._content(digest))

    def open_blob(self, digest: Digest) -> BinaryIO:
        return io.BytesIO(self._content(digest))

    def read_blob(self, digest: Digest, *, limit: int) -> bytes:
        content = self._content(digest)
        if len(content) > limit:
            raise LimitExceeded(f"the size of blob {digest}", limit=limit)
        return content

    def put(self, content: bytes) -> Digest:
        digest = Digest.of(content)
        if digest not in self.blobs:
            self.blobs[digest] = content
            self._stored_at[digest] = self._clock.now()
        return digest

    @contextmanager
    def ingest(self, digest: Digest, size: int) -> Iterator[FakeIngest]:
        if digest in self._locked:
            raise IngestLocked(digest)
        self._locked.add(digest)
        ingest = FakeIngest(self, digest, size)
        try:
            yield ingest
        finally:
            self._locked.discard(digest)
            self._keep(digest, ingest)

    def discard_ingest(self, digest: Digest) -> int:
        return 0 if digest in self._locked else _blocks(self.partials.pop(digest, b""))

    def remove(self, digest: Digest) -> int:
        return _blocks(self.blobs.pop(digest, b""))

    def iter_blobs(self) -> Iterator[Blob]:
        for digest, content in list(self.blobs.items()):
            yield Blob(digest, len(content), _blocks(content), self._stored_at[digest])

    def iter_ingests(self) -> Iterator[KeptIngest]:
        for digest, content in list(self.partials.items()):
            yield KeptIngest(digest, _blocks(content), self._written_at[digest])

    def blob_bytes(self) -> int:
        return sum(map(_blocks, (*self.blobs.values(), *self.partials.values())))

    def sweep(self, *, before: datetime) -> int:
        abandoned = [
            digest
            for digest in self.partials
            if digest not in self._locked and self._written_at[digest] < before
        ]
        return sum(_blocks(self.partials.pop(digest)) for digest in abandoned)

    def _keep(self, digest: Digest, ingest: FakeIngest) -> None:
        if ingest.is_useful and ingest.offset:
            self.partials[digest] = bytes(ingest.content)
            self._written_at[digest] = self._clock.now()
        else:
            self.partials.pop(digest, None)

    def _content(self, digest: Digest) -> bytes:
        try:
            return self.blobs[digest]
        except KeyError:
            raise BlobNotFound(digest) from None


class FakeIngest:
    """An `Ingest` of a `FakeStore`."""

    def __init__(self, store: FakeStore, digest: Digest, size: int) -> None:
        self.content = bytearray(store.partials.get(digest, b""))
        self.is_useful = True
        self._store = store
        self._verifier = Verifier(digest, size)
        if len(self.content) > size:
            self.content.clear()
        self._verifier.update(bytes(self.content))

    @property
    def offset(self) -> int:
        return self._verifier.count

    def iter_kept(self) -> Iterator[bytes]:
        yield bytes(self.content)

    def write(self, chunk: bytes) -> None:
        with self._useless_if_wrong():
            self._verifier.update(chunk)
        self.content += chunk

    def commit(self) -> None:
        with self._useless_if_wrong():
            self._verifier.check()
        self._store.put(bytes(self.content))
        self.is_useful = False

    @contextmanager
    def _useless_if_wrong(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            self.is_useful = False
            raise


def _blocks(content: bytes) -> int:
    return -(-len(content) // FAKE_BLOCK) * FAKE_BLOCK
