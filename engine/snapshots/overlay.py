"""
Snapshots that the kernel stacks: one directory for each layer, seen through overlayfs.

    <root>/snapshots/<number>/fs      the layer, or what a container wrote
    <root>/snapshots/<number>/work    overlayfs's own scratch room, for active ones once mounted
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SnapshotNotFound
from engine.mount import Mount, bind
from engine.snapshots.recorded import RecordedSnapshotter
from engine.snapshots.snapshotter import Kind, Pending
from engine.system.files import ensure_directory, sync_filesystem, take_after
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.oci.digest import ChainID

FILES, WORK = "fs", "work"
_FILES_MODE, _WORK_MODE = 0o755, 0o700
# Each may be the kernel's default or not, so each is said. index: a layer may be part of many
# mounts. metacopy, redirect_dir: an upper directory is a whole changeset, that can become a layer,
# and a layer cannot point into other layers.
SAFE_OPTIONS = ("index=off", "metacopy=off", "redirect_dir=nofollow")


class OverlaySnapshotter(RecordedSnapshotter):
    """A `Snapshotter` over overlayfs."""

    keeps_layers_apart = True

    def stage(self, key: str) -> Path:
        """Make an empty staged snapshot and return its directory."""
        number = self._store.add(key, Kind.STAGED, directories=[(FILES, _FILES_MODE)])
        return self._files(number)

    def staged_directory(self, key: str) -> Path:
        """Return the directory of a staged snapshot."""
        return self._files(self._store.number(key, kind=Kind.STAGED))

    def commit_stack(self, stack: Sequence[Pending], *, parent: ChainID | None) -> None:
        """Commit sealed snapshots as layers on each other, the lowest on *parent*."""
        # What the records promise must be on the disk before the records are.
        sync_filesystem(self._directory)
        with self._store.database.write() as transaction:
            below = self._store.committed(parent)
            for pending in stack:
                existing = self._store.find(str(pending.name))
                if existing is not None:
                    below = self._store.number(existing.key)
                    self._store.remove(pending.key)
                    continue
                number = self._store.number(pending.key, kind=Kind.STAGED)
                self._store.become_committed(
                    transaction,
                    number,
                    pending.name,
                    parent=below,
                    size=pending.size + self._store.overhead(number),
                )
                below = number

    def prepare(self, key: str, *, parent: ChainID | None) -> None:
        """Make an active snapshot."""
        with self._store.database.write():
            number = self._store.add(
                key, Kind.ACTIVE, parent=parent, directories=[(FILES, _FILES_MODE)]
            )
            self._take_after_parent(number)

    def view(self, key: str, *, parent: ChainID) -> list[Mount]:
        """Make a view and return the mounts that show it."""
        with self._store.database.write():
            number = self._store.add(
                key, Kind.VIEW, parent=parent, directories=[(FILES, _FILES_MODE)]
            )
            return self._mounts(number, Kind.VIEW)

    def mounts(self, key: str) -> list[Mount]:
        """Return the mounts that show the active snapshot or view."""
        snapshot = self._store.get(key)
        if snapshot.kind not in {Kind.ACTIVE, Kind.VIEW}:
            raise SnapshotNotFound(key)
        number = self._store.number(key)
        if snapshot.kind is Kind.ACTIVE:
            # Only now: many are removed that were never mounted, and each directory costs.
            ensure_directory(self._store.path(number) / WORK, mode=_WORK_MODE)
        return self._mounts(number, snapshot.kind)

    def commit(self, name: ChainID, *, key: str) -> int:
        """Turn the active snapshot into the committed one *name*; return its size."""
        number = self._store.number(key, kind=Kind.ACTIVE)
        remove_tree(self._store.path(number) / WORK)
        return self._commit_active(name, key=key, number=number)

    def own_directory(self, name: ChainID) -> Path:
        """Return the directory in which the files of the layer itself are found."""
        return self._files(self._store.number(str(name), kind=Kind.COMMITTED))

    def layer_directories(self, name: ChainID) -> list[Path]:
        """Return the directories whose stack is the committed snapshot, the highest first."""
        number = self._store.number(str(name), kind=Kind.COMMITTED)
        return [self._files(each) for each in self._store.stack(number)]

    def changes_directory(self, key: str) -> Path | None:
        """Return the directory that holds what the active snapshot changed."""
        return self._files(self._store.number(key, kind=Kind.ACTIVE))

    def whole_trees(self, key: str) -> tuple[Path, Path | None] | None:
        """Return None: the whole is only there while it is mounted."""
        self._store.number(key, kind=Kind.ACTIVE)
        return None

    def _files(self, number: int) -> Path:
        return self._store.path(number) / FILES

    def _mounts(self, number: int, kind: Kind) -> list[Mount]:
        _, *below = self._store.stack(number)
        parents = [self._files(each) for each in below]
        if kind is Kind.ACTIVE:
            return active_mounts(self._store.path(number), parents)
        return view_mounts(self._store.path(number), parents)

    def _take_after_parent(self, number: int) -> None:
        # The mount shows the root directory of the highest layer: the new one must look as the old.
        _, *below = self._store.stack(number)
        if below:
            take_after(self._files(number), self._files(below[0]))


def active_mounts(own: Path, parents: Sequence[Path]) -> list[Mount]:
    """Return the mounts that show *parents*, the highest first, under the writable *own*."""
    if not parents:
        return [bind(own / FILES)]
    upper = (f"upperdir={own / FILES}", f"workdir={own / WORK}")
    return [Mount("overlay", "overlay", ("rw", _lower(parents), *upper, *SAFE_OPTIONS))]


def view_mounts(own: Path, parents: Sequence[Path]) -> list[Mount]:
    """Return the mounts that show *parents*, the highest first, read-only; *own* is empty."""
    # Overlayfs refuses a lone lower directory, and without it whiteouts would show as devices.
    lower = _lower([*parents, own / FILES])
    return [Mount("overlay", "overlay", ("ro", lower, *SAFE_OPTIONS))]


def _lower(directories: Sequence[Path]) -> str:
    return "lowerdir=" + ":".join(map(str, directories))
