"""
The port to stored content, and the promises that every implementation keeps.

A *blob* is visible under its digest or it is not there at all; there is no moment at which a part
of it, or other bytes, can be seen. Bytes on their way in are an *ingest*: it belongs to one writer
at a time, in any process, and survives that writer, so that the next one goes on where it stopped.

Typical use, by which two pulls of one blob share one download:

    with open_ingest(store, digest, size, cancellation=cancellation) as ingest:
        if ingest is not None:                        # None: it is here, perhaps only just now
            for chunk in fetch(offset=ingest.offset):
                ingest.write(chunk)
            ingest.commit()

The store counts in two ways: `size` is the number of bytes of the content, `disk_bytes` what the
disk gives up for it, which is what the ledger and every clean-up speak of.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import IngestLocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import BinaryIO

    from engine.oci.digest import Digest
    from engine.progress import Cancellation

LOCK_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Blob:
    """What the store knows of one blob without reading it."""

    digest: Digest
    size: int
    disk_bytes: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class KeptIngest:
    """What is here of a blob that never became whole, or is only becoming it."""

    digest: Digest
    disk_bytes: int
    written_at: datetime


class Ingest(Protocol):
    """Bytes on their way to become a blob; nobody else can write them meanwhile."""

    @property
    def offset(self) -> int:
        """How many bytes are here already: the position of the next `write`."""

    def iter_kept(self) -> Iterator[bytes]:
        """Yield the bytes that an earlier writer left, unverified; before the first `write`."""

    def write(self, chunk: bytes) -> None:
        """
        Append *chunk*.

        Raises `SizeMismatch` on the first byte over the announced size, and `OutOfSpace` when the
        disk is full; either way what was ingested is gone.
        """

    def commit(self) -> None:
        """
        Make the blob visible and durable; afterwards it is in the store, whoever put it there.

        Raises `SizeMismatch` or `DigestMismatch` when the bytes are not what was announced; then
        nothing is stored and nothing is left to resume from.
        """


class Store(Protocol):
    """Blobs by digest. Every method may be called from any thread and any process."""

    def has(self, digest: Digest) -> bool:
        """Return whether the blob is here, whole."""

    def size(self, digest: Digest) -> int:
        """Return how many bytes the blob has; raise `BlobNotFound`."""

    def disk_bytes(self, digest: Digest) -> int:
        """Return how many bytes the disk holds for the blob; raise `BlobNotFound`."""

    def open_blob(self, digest: Digest) -> BinaryIO:
        """
        Open the blob for reading; raise `BlobNotFound`.

        It can be read to its end even if it is removed meanwhile. The caller closes it.
        """

    def read_blob(self, digest: Digest, *, limit: int) -> bytes:
        """Return the bytes; raise `BlobNotFound`, or `LimitExceeded` over *limit* bytes."""

    def put(self, content: bytes) -> Digest:
        """Store *content* and return its digest; content that is here already is left alone."""

    def ingest(self, digest: Digest, size: int) -> AbstractContextManager[Ingest]:
        """
        Open the ingest of *digest*, going on from what an earlier writer left.

        Leaving the block without `commit` keeps what was written, for the next one. Raises
        `IngestLocked` while somebody else writes the same content. What was kept counts for
        nothing until the whole has been verified, however it came to be on the disk.
        """

    def discard_ingest(self, digest: Digest) -> int:
        """
        Remove what was ingested of *digest*, because nobody will go on from it.

        Returns how many bytes of disk came free: 0 if there was nothing, or somebody writes it.
        """

    def remove(self, digest: Digest) -> int:
        """
        Remove the blob and return how many bytes of disk came free: 0 if it was not there.

        The store knows no holders: decide inside the transaction that looks at records and leases.
        """

    def iter_blobs(self) -> Iterator[Blob]:
        """Yield every blob, in no order; those that come or go meanwhile may be missed."""

    def iter_ingests(self) -> Iterator[KeptIngest]:
        """Yield what was ingested and is no blob, whether or not somebody writes it now."""

    def blob_bytes(self) -> int:
        """Return what the disk holds for all blobs and ingests together."""

    def sweep(self, *, before: datetime) -> int:
        """
        Remove the ingests that nobody writes and nobody wrote to since *before*.

        Returns how many bytes of disk came free. Blobs are left alone.
        """


@contextmanager
def open_ingest(
    store: Store, digest: Digest, size: int, *, cancellation: Cancellation
) -> Iterator[Ingest | None]:
    """
    Open the ingest of *digest*, waiting while somebody else writes it.

    Yields None if the blob is here, or is by the time the other writer has finished; if that one
    gave up, the caller goes on from what it left. Raises `Cancelled` while waiting.
    """
    with ExitStack() as stack:
        yield _entered(stack, store, digest, size, cancellation)


def _entered(
    stack: ExitStack, store: Store, digest: Digest, size: int, cancellation: Cancellation
) -> Ingest | None:
    while not store.has(digest):
        try:
            ingest = stack.enter_context(store.ingest(digest, size))
        except IngestLocked:
            cancellation.wait(LOCK_POLL_SECONDS)
        else:
            # The other writer may have finished between the look and the lock.
            return None if store.has(digest) else ingest
    return None
