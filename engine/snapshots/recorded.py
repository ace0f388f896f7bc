"""What snapshotters do by their records alone, whatever their snapshots look like on the disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from engine.snapshots.store import SnapshotStore
from engine.system.files import sync_filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Pending, Snapshot, Usage
    from engine.system.database import Database


class RecordedSnapshotter(ABC):
    """The half of a `Snapshotter` that its records do."""

    def __init__(self, directory: Path, database: Database, *, trash: Path) -> None:
        self._directory = directory
        self._store = SnapshotStore(database, directory, trash)

    @abstractmethod
    def commit_stack(self, stack: Sequence[Pending], *, parent: ChainID | None) -> None:
        """Commit sealed snapshots as layers on each other, the lowest on *parent*."""

    def seal(self, key: str, details: str) -> None:
        """Note that the staged snapshot is complete."""
        self._store.seal(key, details)

    def notes(self, key: str) -> Path:
        """Return the directory for what is known about a staged or active snapshot."""
        return self._store.path(self._store.number(key))

    def open_note(self, key: str, name: str) -> BinaryIO:
        """Open what is known about a staged or committed snapshot."""
        return self._store.notes.open(self._store.number(key), name)

    def replace(self, pending: Pending, *, parent: ChainID | None) -> None:
        """Commit *pending* in place of the committed snapshot of its name."""
        with self._store.replacing(pending.name):
            self.commit_stack([pending], parent=parent)

    def remove(self, key: str) -> int:
        """Remove the snapshot; return the bytes that come free."""
        return self._store.remove(key)

    def remove_each(self, keys: Sequence[str]) -> dict[str, int]:
        """Remove those of *keys*, the highest first, on which nothing stands; bytes of each."""
        return self._store.remove_each(keys)

    def find(self, key: str) -> Snapshot | None:
        """Return the snapshot of that key or name, or None."""
        return self._store.find(key)

    def get(self, key: str) -> Snapshot:
        """Return the snapshot of that key or name."""
        return self._store.get(key)

    def iter_snapshots(self) -> Iterator[Snapshot]:
        """Yield every snapshot, parents first."""
        return self._store.iter_snapshots()

    def usage(self, key: str) -> Usage:
        """Return what the snapshot itself occupies, measured now."""
        return self._store.usage(key)

    def stray_directories(self) -> list[Path]:
        """Return the directories that no record names."""
        return self._store.strays()

    def sweep(self) -> int:
        """Remove the directories that no record names; return the bytes that came free."""
        return self._store.sweep()

    def _commit_active(self, name: ChainID, *, key: str, number: int) -> int:
        """Have the active snapshot *number*, whose files are complete, be the committed *name*."""
        notes = self._store.notes.take(number)
        size = self._store.usage(key).bytes
        # What the records promise must be on the disk before the records are.
        sync_filesystem(self._directory)
        with self._store.database.write() as transaction:
            self._store.refuse_taken(str(name))
            self._store.notes.keep(transaction, number, notes)
            _, *below = self._store.stack(number)
            self._store.become_committed(
                transaction, number, name, parent=below[0] if below else None, size=size
            )
        return size
