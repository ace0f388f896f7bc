"""
Taking away what no image needs: blobs, unpacked layers and ingests that were left behind.

Nothing goes while a lease holds it. The decision and the act are one transaction: a pull leases
before it looks, so it either is seen here, or comes after and finds the thing gone. What is young
stays, because a pull that was cancelled or broke wants to go on from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.errors import SnapshotInUse
from engine.images.resources import LAYER, blob_resource
from engine.snapshots.snapshotter import Kind
from engine.system.removal import in_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.content.store import Store
    from engine.images.ports import LayerSnapshots
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.digest import ChainID, Digest
    from engine.snapshots.snapshotter import Snapshot
    from engine.system.clock import Clock
    from engine.system.database import Database, Transaction
    from engine.system.locks import Locks

ABANDONED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took away."""

    blobs: int
    layers: int
    freed_bytes: int


class Collector:
    """Sweeps one engine root; safe beside pulls, launches and other sweeps."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        leases: Leases,
        locks: Locks,
        clock: Clock,
    ) -> None:
        self._database = database
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._leases = leases
        self._locks = locks
        self._clock = clock
        self._gathered = object()

    def sweep(self, *, keep_for: timedelta = ABANDONED_AFTER) -> Swept:
        """
        Remove the layers that no image lists, and the blobs and ingests that none does.

        Blobs and ingests are left alone until they are *keep_for* old; a layer cannot be gone on
        from, so it goes at once.
        """
        before = self._clock.now() - keep_for
        old = [blob.digest for blob in self._store.iter_blobs() if blob.stored_at < before]
        blobs, blob_bytes = self._remove_blobs(old)
        layers, layer_bytes = self._sweep_layers(lambda _: True)
        ingest_bytes = self._store.sweep(before=before)
        return Swept(blobs, layers, blob_bytes + layer_bytes + ingest_bytes)

    def collect_blobs(self, digests: Iterable[Digest]) -> int:
        """Remove those of *digests* that nothing needs, parts of them too; returns bytes freed."""
        wanted = tuple(digests)
        if not wanted:
            return 0
        return self._remove_blobs(wanted)[1] + sum(map(self._store.discard_ingest, wanted))

    def _remove_blobs(self, digests: Iterable[Digest]) -> tuple[int, int]:
        # What it changes of the records is only that the rows of the dead go.
        with self._database.write(survives_power_cut=False) as transaction:
            kept = self._leases.leased(transaction)
            free = {each for each in digests if blob_resource(each) not in kept}
            useless = free - self._images.listed_blobs(free)
            # Inside the transaction, so that no lease can be taken between the look and the act.
            freed: list[int] = []
            in_many(lambda digest: freed.append(self._store.remove(digest)), tuple(useless))
        return len(freed), sum(freed)

    def collect_after(self, transaction: Transaction, digests: Iterable[Digest]) -> None:
        """Do `collect_blobs` once *transaction* has committed."""
        transaction.gather(self._gathered, digests, self.collect_blobs)

    def collect_layers(self, chain_ids: Iterable[ChainID | str]) -> int:
        """Remove what was unpacked of *chain_ids* and nothing needs; returns bytes freed."""
        wanted = frozenset(map(str, chain_ids))
        return self._sweep_layers(lambda chain_id: chain_id in wanted)[1]

    def collect_stray_layers(self) -> int:
        """Remove every layer that nothing needs; returns the bytes that came free."""
        return self._sweep_layers(lambda _: True)[1]

    def _sweep_layers(self, is_meant: Callable[[str], bool]) -> tuple[int, int]:
        removed = freed = 0
        found = [(each, layer_of(each)) for each in self._snapshots.iter_snapshots()]
        # Most are listed, and of these nothing more is asked.
        listed = self._images.listed_layers([each.key for each, chain_id in found if chain_id])
        # The highest first, because what stands on a layer holds it.
        for snapshot, chain_id in reversed(found):
            if chain_id is not None and is_meant(chain_id) and snapshot.key not in listed:
                # Whoever is unpacking a layer holds the lock of its key.
                with self._locks.tried(snapshot.key) as is_free:
                    result = self._remove_layer(snapshot.key, chain_id) if is_free else None
                removed += result is not None
                freed += result or 0
        return removed, freed

    def _remove_layer(self, key: str, chain_id: str) -> int | None:
        with self._database.write() as transaction:
            if f"{LAYER}:{chain_id}" in self._leases.leased(transaction):
                return None
            if self._images.is_layer_listed(key):
                return None
            try:
                freed = self._snapshots.remove(key)
            except SnapshotInUse:
                return None
            if key == chain_id:
                archive = self._images.forget_layer(chain_id)
                self.collect_after(transaction, [archive] if archive else [])
                freed += self._to_come_free(transaction, archive) if archive else 0
            return freed

    def _to_come_free(self, transaction: Transaction, archive: Digest) -> int:
        is_leased = blob_resource(archive) in self._leases.leased(transaction)
        if is_leased or self._images.is_blob_listed(archive) or not self._store.has(archive):
            return 0
        return self._store.disk_bytes(archive)


def layer_of(snapshot: Snapshot) -> str | None:
    """Return the chain ID of the layer that *snapshot* is or is to become; None for the others."""
    if snapshot.kind in {Kind.COMMITTED, Kind.STAGED}:
        return snapshot.key.rpartition("/")[2]
    return None
