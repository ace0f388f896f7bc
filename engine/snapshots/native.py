"""
Snapshots that are whole copies: for filesystems on which overlayfs does not work.

    <root>/snapshots/<number>/fs      a staged layer
    <root>/snapshots/<number>/tree    all files of a committed or active snapshot

It is slow and large where the filesystem cannot share blocks (reflinks), and correct everywhere.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import SnapshotNotFound
from engine.mount import Mount, bind
from engine.snapshots.recorded import RecordedSnapshotter
from engine.snapshots.snapshotter import Kind, Pending
from engine.system.copying import copy_tree
from engine.system.files import make_directory, measure, sync_filesystem, take_after, walk
from engine.system.overlayfs import is_opaque, is_whiteout
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.oci.digest import ChainID

STAGED, TREE = "fs", "tree"
_MODE = 0o755


class NativeSnapshotter(RecordedSnapshotter):
    """A `Snapshotter` that copies."""

    keeps_layers_apart = False

    def stage(self, key: str) -> Path:
        """Make an empty staged snapshot and return its directory."""
        number = self._store.add(key, Kind.STAGED, directories=[(STAGED, _MODE)])
        return self._store.path(number) / STAGED

    def staged_directory(self, key: str) -> Path:
        """Return the directory of a staged snapshot."""
        return self._store.path(self._store.number(key, kind=Kind.STAGED)) / STAGED

    def commit_stack(self, stack: Sequence[Pending], *, parent: ChainID | None) -> None:
        """Commit sealed snapshots as layers on each other, the lowest on *parent*."""
        below = self._store.committed(parent)
        sizes: list[int] = []
        for pending in stack:
            below, size = self._grow(pending, below)
            sizes.append(size)
        sync_filesystem(self._directory)
        self._record(stack, sizes, self._store.committed(parent))

    def prepare(self, key: str, *, parent: ChainID | None) -> None:
        """Make an active snapshot."""
        self._copy(key, Kind.ACTIVE, parent)

    def view(self, key: str, *, parent: ChainID) -> list[Mount]:
        """Make a view and return the mounts that show it."""
        self._store.add(key, Kind.VIEW, parent=parent, directories=[])
        return self.mounts(key)

    def mounts(self, key: str) -> list[Mount]:
        """Return the mounts that show the active snapshot or view."""
        snapshot, number = self._store.get(key), self._store.number(key)
        if snapshot.kind is Kind.ACTIVE:
            return [bind(self._tree(number))]
        if snapshot.kind is Kind.VIEW:
            return [bind(self._tree(self._store.stack(number)[1]), read_only=True)]
        raise SnapshotNotFound(key)

    def commit(self, name: ChainID, *, key: str) -> int:
        """Turn the active snapshot into the committed one *name*; return its size."""
        number = self._store.number(key, kind=Kind.ACTIVE)
        return self._commit_active(name, key=key, number=number)

    def own_directory(self, name: ChainID) -> Path:
        """Return the directory in which the files of the layer itself are found."""
        return self._tree(self._store.number(str(name), kind=Kind.COMMITTED))

    def layer_directories(self, name: ChainID) -> list[Path]:
        """Return the one directory that is the whole committed snapshot."""
        return [self._tree(self._store.number(str(name), kind=Kind.COMMITTED))]

    def changes_directory(self, key: str) -> Path | None:
        """Return None: a copy does not know what was changed in it."""
        self._store.number(key, kind=Kind.ACTIVE)
        return None

    def whole_trees(self, key: str) -> tuple[Path, Path | None] | None:
        """Return the tree of the active snapshot and that of its parent."""
        own, *below = self._store.stack(self._store.number(key, kind=Kind.ACTIVE))
        return self._tree(own), self._tree(below[0]) if below else None

    def _tree(self, number: int) -> Path:
        return self._store.path(number) / TREE

    def _copy(self, key: str, kind: Kind, parent: ChainID | None) -> Path:
        # Recorded first: the copy takes long, and meanwhile the parent must not be removed.
        number = self._store.add(key, kind, parent=parent, directories=[(TREE, _MODE)])
        try:
            if (below := self._store.committed(parent)) is not None:
                copy_tree(self._tree(below), self._tree(number))
        except BaseException:
            self._store.remove(key)
            raise
        return self._tree(number)

    def _grow(self, pending: Pending, below: int | None) -> tuple[int, int]:
        """Make the tree of *pending* on that of *below*; return its number and size."""
        existing = self._store.find(str(pending.name))
        if existing is not None:
            return self._store.number(existing.key), existing.size or 0
        number = self._store.number(pending.key, kind=Kind.STAGED)
        tree = self._tree(number)
        remove_tree(tree)  # of a process that was killed half-way
        make_directory(tree, mode=_MODE)
        if below is not None:
            copy_tree(self._tree(below), tree)
        merge(self._store.path(number) / STAGED, onto=tree)
        return number, measure(tree).bytes + self._store.overhead(number)

    def _record(self, stack: Sequence[Pending], sizes: Sequence[int], below: int | None) -> None:
        with self._store.database.write() as transaction:
            for pending, size in zip(stack, sizes, strict=True):
                existing = self._store.find(str(pending.name))
                if existing is not None:
                    self._store.remove(pending.key)
                    below = self._store.number(existing.key)
                    continue
                number = self._store.number(pending.key, kind=Kind.STAGED)
                self._store.become_committed(
                    transaction, number, pending.name, parent=below, size=size
                )
                staged = self._store.path(number) / STAGED
                transaction.after_commit(partial(remove_tree, staged))
                below = number


def merge(changes: Path, *, onto: Path) -> None:
    """
    Carry out the *changes*, which are in overlayfs's form, in the tree *onto*.

    Files are linked, not moved: *changes* stay whole, so that an interrupted call can be repeated.
    """
    source_root, target_root = os.fsencode(changes), os.fsencode(onto)
    directories = [b""]
    for found in walk(changes):
        source, target = (
            os.path.join(source_root, found.path),
            os.path.join(target_root, found.path),
        )
        if is_whiteout(found.status):
            remove_tree(target)
        elif found.is_directory:
            _merge_directory(source, target)
            directories.append(found.path)
        else:
            remove_tree(target)
            os.link(source, target, follow_symlinks=False)
    for path in directories:
        take_after(os.path.join(target_root, path), os.path.join(source_root, path))


def _merge_directory(source: bytes, target: bytes) -> None:
    if is_opaque(source) or not _is_directory(target):
        remove_tree(target)
    with suppress(FileExistsError):
        os.mkdir(target)


def _is_directory(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
