"""Blobs: each must be what its name says, each that a record names must be there, and no others."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from engine.check.findings import Damage, Finding, Found
from engine.content.verify import verified
from engine.errors import BlobNotFound, IntegrityError
from engine.images.resources import blob_resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.check.fetching import Fetcher
    from engine.content.store import Blob, Store
    from engine.images.gc import Collector
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.digest import Digest
    from engine.progress import Cancellation
    from engine.system.database import Database

CHUNK = 1 << 20


class BlobCheck:
    """Looks at the content store of one engine root."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        store: Store,
        leases: Leases,
        collector: Collector,
        fetcher: Fetcher,
    ) -> None:
        self._database = database
        self._images = images
        self._store = store
        self._leases = leases
        self._collector = collector
        self._fetcher = fetcher
        self.count = 0

    def find(self, cancellation: Cancellation) -> Iterator[Found]:
        """Yield what is wrong: changed ones, unowned ones, missing ones."""
        for blob in list(self._store.iter_blobs()):
            cancellation.check()
            self.count += 1
            yield from self._look_at(blob)
        for digest in self._images.list_blobs():
            if not self._store.has(digest) and self._images.is_blob_listed(digest):
                finding = Finding(Damage.BLOB_MISSING, str(digest), self._role(digest))
                yield Found(finding, partial(self._fetcher.fetch, digest))

    def _look_at(self, blob: Blob) -> Iterator[Found]:
        if not self._is_needed(blob.digest):
            finding = Finding(Damage.BLOB_UNOWNED, str(blob.digest), f"{blob.disk_bytes} bytes")
            yield Found(finding, partial(self._drop, blob.digest))
            return
        reason = self._difference(blob)
        if reason:
            detail = f"{self._role(blob.digest)}: {reason}"
            finding = Finding(Damage.BLOB_CHANGED, str(blob.digest), detail)
            yield Found(finding, partial(self._replace, blob.digest))

    def _difference(self, blob: Blob) -> str:
        with suppress(BlobNotFound), closing(self._store.open_blob(blob.digest)) as stream:
            chunks = iter(lambda: stream.read(CHUNK), b"")
            try:
                for _ in verified(chunks, digest=blob.digest, size=blob.size):
                    pass
            except IntegrityError as error:
                return error.message
        return ""

    def _is_needed(self, digest: Digest) -> bool:
        with self._database.write() as transaction:
            is_leased = blob_resource(digest) in self._leases.leased(transaction)
            return is_leased or self._images.is_blob_listed(digest)

    def _drop(self, digest: Digest) -> str:
        return f"removed, {self._collector.collect_blobs([digest])} bytes came free"

    def _replace(self, digest: Digest) -> str:
        # Wrong bytes help nobody, so they go first: a blob that is there is never fetched.
        self._store.remove(digest)
        return self._fetcher.fetch(digest)

    def _role(self, digest: Digest) -> str:
        return "archive of a layer" if self._images.has_archive(digest) else "document"
