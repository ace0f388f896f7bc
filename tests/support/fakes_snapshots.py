"""Fakes of the snapshotter and the mounter, for tests that need neither root nor overlayfs."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import MountFailed, SnapshotExists, SnapshotInUse, SnapshotNotFound
from engine.mount import Mount, bind
from engine.oci.digest import ChainID, Digest
from engine.snapshots.snapshotter import Kind, Pending, Snapshot, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from engine.system.database import Database

FAKE_BLOCK = 4096


class FakeSnapshotter:
    """A `Snapshotter` with its records in memory and plain directories below *root*."""

    keeps_layers_apart = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made = 0
        self.snapshots: dict[str, Snapshot] = {}
        self._directories: dict[str, Path] = {}

    def stage(self, key: str) -> Path:
        return self._add(Snapshot(key, Kind.STAGED))

    def seal(self, key: str, details: str) -> None:
        self.snapshots[key] = replace(self._of(key, Kind.STAGED), details=details)

    def staged_directory(self, key: str) -> Path:
        return self._directories[self._of(key, Kind.STAGED).key]

    def notes(self, key: str) -> Path:
        self.get(key)
        return self._notes(key)

    def open_note(self, key: str, name: str) -> BinaryIO:
        return (self.notes(key) / name).open("rb", buffering=0)

    def own_directory(self, name: ChainID) -> Path:
        return self._directories[self._of(str(name), Kind.COMMITTED).key]

    def commit_stack(self, stack: Sequence[Pending], *, parent: ChainID | None) -> None:
        if parent is not None:
            self._of(str(parent), Kind.COMMITTED)
        missing = [each for each in stack if not self._is_ready(each)]
        if missing:
            raise SnapshotNotFound(missing[0].key)
        below = parent
        for pending in stack:
            if str(pending.name) in self.snapshots:
                self.remove(pending.key)
            else:
                noted = sum(each.stat().st_size for each in self._notes(pending.key).iterdir())
                size = pending.size + FAKE_BLOCK * ceil(noted / FAKE_BLOCK)
                self._rename(pending.key, pending.name, parent=below, size=size)
            below = pending.name

    def replace(self, pending: Pending, *, parent: ChainID | None) -> None:
        self._of(pending.key, Kind.STAGED)
        self.snapshots.pop(str(pending.name), None)
        self.commit_stack([pending], parent=parent)

    def stray_directories(self) -> list[Path]:
        known = {path.parent for path in self._directories.values()}
        return [path for path in self._root.iterdir() if path not in known]

    def prepare(self, key: str, *, parent: ChainID | None) -> None:
        if parent is not None:
            self._of(str(parent), Kind.COMMITTED)
        self._add(Snapshot(key, Kind.ACTIVE, parent=parent))

    def view(self, key: str, *, parent: ChainID) -> list[Mount]:
        self._of(str(parent), Kind.COMMITTED)
        self._add(Snapshot(key, Kind.VIEW, parent=parent))
        return self.mounts(key)

    def mounts(self, key: str) -> list[Mount]:
        snapshot = self.get(key)
        if snapshot.kind is Kind.VIEW:
            return [bind(self._directories[str(snapshot.parent)], read_only=True)]
        return [bind(self._directories[self._of(key, Kind.ACTIVE).key])]

    def commit(self, name: ChainID, *, key: str) -> int:
        active = self._of(key, Kind.ACTIVE)
        if str(name) in self.snapshots:
            raise SnapshotExists(str(name))
        size = self.usage(key).bytes
        self._rename(key, name, parent=active.parent, size=size)
        return size

    def remove(self, key: str) -> int:
        snapshot = self.snapshots.get(key)
        if snapshot is None:
            return 0
        for other in self.snapshots.values():
            if other.parent is not None and str(other.parent) == key:
                raise SnapshotInUse(key, holder=other.key)
        freed = snapshot.size if snapshot.size is not None else self.usage(key).bytes
        shutil.rmtree(self._notes(key))
        shutil.rmtree(self._directories.pop(key))
        del self.snapshots[key]
        return freed

    def remove_each(self, keys: Sequence[str]) -> dict[str, int]:
        gone = {}
        for key in keys:
            with suppress(SnapshotInUse):
                gone[key] = self.remove(key)
        return gone

    def find(self, key: str) -> Snapshot | None:
        return self.snapshots.get(key)

    def get(self, key: str) -> Snapshot:
        if key not in self.snapshots:
            raise SnapshotNotFound(key)
        return self.snapshots[key]

    def iter_snapshots(self) -> Iterator[Snapshot]:
        yield from sorted(self.snapshots.values(), key=self._height)

    def usage(self, key: str) -> Usage:
        self.get(key)
        places = (self._directories[key], self._notes(key))
        found = [self._directories[key], *(each for place in places for each in place.rglob("*"))]
        return Usage(FAKE_BLOCK * len(found), len(found))

    def layer_directories(self, name: ChainID) -> list[Path]:
        snapshot: Snapshot | None = self._of(str(name), Kind.COMMITTED)
        directories = []
        while snapshot is not None:
            directories.append(self._directories[snapshot.key])
            snapshot = self.find(str(snapshot.parent))
        return directories

    def changes_directory(self, key: str) -> Path | None:
        return self._directories[self._of(key, Kind.ACTIVE).key]

    def whole_trees(self, key: str) -> tuple[Path, Path | None] | None:
        self._of(key, Kind.ACTIVE)
        return None

    def sweep(self) -> int:
        return 0

    def _add(self, snapshot: Snapshot) -> Path:
        if snapshot.key in self.snapshots:
            raise SnapshotExists(snapshot.key)
        self._made += 1
        directory = self._root / f"{self._made}"
        directory.mkdir(parents=True)
        directory.chmod(0o755)
        directory.with_suffix(".notes").mkdir()
        self.snapshots[snapshot.key] = snapshot
        self._directories[snapshot.key] = directory
        return directory

    def _notes(self, key: str) -> Path:
        return self._directories[key].with_suffix(".notes")

    def _of(self, key: str, kind: Kind) -> Snapshot:
        snapshot = self.get(key)
        if snapshot.kind is not kind:
            raise SnapshotNotFound(key)
        return snapshot

    def _is_ready(self, pending: Pending) -> bool:
        return str(pending.name) in self.snapshots or pending.key in self.snapshots

    def _rename(self, key: str, name: ChainID, *, parent: ChainID | None, size: int) -> None:
        self._directories[str(name)] = self._directories.pop(key)
        del self.snapshots[key]
        self.snapshots[str(name)] = Snapshot(str(name), Kind.COMMITTED, parent=parent, size=size)

    def _height(self, snapshot: Snapshot) -> int:
        return 0 if snapshot.parent is None else 1 + self._height(self.get(str(snapshot.parent)))


class JoiningSnapshotter(FakeSnapshotter):
    """One whose removals happen with the transaction that they join, as the real ones do."""

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root)
        self._database = database

    def remove(self, key: str) -> int:
        if key not in self.snapshots:
            return 0
        freed = self.usage(key).bytes
        with self._database.write() as transaction:
            transaction.after_commit(lambda: self._forget(key))
        return freed

    def _forget(self, key: str) -> None:
        super().remove(key)


class FakeMounter:
    """A `Mounter` that only remembers what is mounted where."""

    def __init__(self) -> None:
        self.points: list[tuple[Path, Mount]] = []
        self.busy: set[Path] = set()

    def mount(self, mounts: Sequence[Mount], target: Path) -> None:
        sources = [each.source for each in mounts if each.kind == "bind"]
        missing = [each for each in (str(target), *sources) if not _exists(each)]
        if missing:
            raise MountFailed(target, errno=2)
        self.points += [(target, each) for each in mounts]

    def unmount(self, target: Path, *, lazily: bool = False) -> None:
        if target in self.busy and not lazily:
            raise MountFailed(target, errno=16)
        self.points = [each for each in self.points if each[0] != target]

    @contextmanager
    def mounted(self, mounts: Sequence[Mount], target: Path) -> Iterator[Path]:
        self.mount(mounts, target)
        try:
            yield target
        finally:
            self.unmount(target)

    def list_mounts(self, below: Path) -> list[Path]:
        points = [point for point, _ in self.points]
        return [each for each in points[::-1] if each == below or below in each.parents]


def _exists(path: str) -> bool:
    return Path(path).exists()


def chain(number: int) -> ChainID:
    """Return a chain ID that is nobody's; the same for the same *number*."""
    return ChainID(Digest.of(f"chain {number}".encode()))
