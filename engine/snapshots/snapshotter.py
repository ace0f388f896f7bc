"""
The port to snapshots, and the life of one.

A snapshot is the state of a file system. It is one of

*staged*     a directory into which one layer is being applied, in overlayfs's form (whiteouts are
             character devices 0/0). It stands on nothing yet, so layers can be staged in any order
             and at once. Named by a key that the caller chose.
*committed*  immutable, named by the chain ID of its stack, with the snapshot below it as parent.
*active*     writable, on a committed parent or on nothing; a container's. Named by a key.
*view*       read-only, on a committed parent. Named by a key.

Keys and names are one space. What stands on a snapshot keeps it from being removed.

Importing the layers of an image, lowest first, on the part that is here already:

    directory = snapshotter.stage("unpack/sha256:…")      # for each layer, in any order
    apply_layer(…, target=directory)
    snapshotter.seal("unpack/sha256:…", details)          # complete; another process may go on
    snapshotter.commit_stack([Pending(key, name, size)…], parent=…)    # all at once, durable

Running a container:

    snapshotter.prepare(container_id, parent=chain_id)
    mounter.mount(snapshotter.mounts(container_id), rootfs)
    …
    snapshotter.remove(container_id)

Every method may be called from any thread and any process that has the root open. A process that
is killed leaves either the state before or the state after; directories that no record names are
cleared away by `sweep`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.system.files import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from engine.mount import Mount
    from engine.oci.digest import ChainID

__all__ = ["Kind", "Pending", "Snapshot", "Snapshotter", "Usage"]


class Kind(enum.StrEnum):
    """Where a snapshot is in its life."""

    STAGED = "staged"
    COMMITTED = "committed"
    ACTIVE = "active"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    What is recorded of one snapshot.

    *key* is its key or, when committed, its chain ID as text; *parent* is the chain ID it stands
    on. *size* is what it occupies on disk, its own directory included and what it stands on not; it
    is known once it is committed, and it is what removing it frees.
    *details* are what `seal` was given, None before.
    """

    key: str
    kind: Kind
    parent: ChainID | None = None
    size: int | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A staged snapshot that is to be committed under *name*; *size* is what it occupies."""

    key: str
    name: ChainID
    size: int


class Snapshotter(Protocol):
    """Keeps snapshots; see the module for their life."""

    keeps_layers_apart: bool
    """Whether the directory of a layer holds that layer alone, whiteouts and all."""

    def stage(self, key: str) -> Path:
        """
        Make an empty staged snapshot and return its directory, mode 0755.

        Raises `SnapshotExists`.
        """

    def seal(self, key: str, details: str) -> None:
        """
        Note that the staged snapshot is complete; *details* stay with it until its commit.

        Its files survive a power cut from now on, so that any later process may commit it.
        """

    def staged_directory(self, key: str) -> Path:
        """Return the directory of a staged snapshot; raise `SnapshotNotFound`."""

    def notes(self, key: str) -> Path:
        """
        Return the directory in which to put what is known about what is to become a layer.

        Its files belong to the snapshot once it is sealed or committed: they are as durable, and go
        with it. Raises `SnapshotNotFound`.
        """

    def open_note(self, key: str, name: str) -> BinaryIO:
        """
        Open what is known about a layer, or a sealed snapshot, under the name that it was put.

        It is a real file without a buffer. Raises `SnapshotNotFound` or `FileNotFoundError`.
        """

    def commit_stack(self, stack: Sequence[Pending], *, parent: ChainID | None) -> None:
        """
        Commit sealed snapshots as layers on each other, lowest first, the lowest on *parent*.

        Afterwards all of them are committed and survive a power cut; or, on any error, none is. A
        name that was committed meanwhile by somebody else stays theirs, and the staged snapshot for
        it is removed. Raises `SnapshotNotFound` for *parent* or a key that is not there.
        """

    def replace(self, pending: Pending, *, parent: ChainID | None) -> None:
        """
        Commit a sealed snapshot in place of the committed one of that name, which may be damaged.

        Afterwards what stood on the old one stands on the new one, and the old one is gone; or, on
        any error, nothing has changed. Mounts that show the old one must be gone.
        """

    def prepare(self, key: str, *, parent: ChainID | None) -> None:
        """
        Make an active snapshot.

        Raises `SnapshotExists`, or `SnapshotNotFound` for *parent*.
        """

    def view(self, key: str, *, parent: ChainID) -> list[Mount]:
        """Make a view and return the mounts that show it; raises as `prepare`."""

    def mounts(self, key: str) -> list[Mount]:
        """
        Return the mounts that show the active snapshot or view, with what they need in place.

        Raises `SnapshotNotFound`.
        """

    def commit(self, name: ChainID, *, key: str) -> int:
        """
        Turn the active snapshot into the committed one *name* on the same parent; return its size.

        It must not be mounted any more. Afterwards *key* is free and the content is durable. Raises
        `SnapshotExists` or `SnapshotNotFound`.
        """

    def remove(self, key: str) -> int:
        """
        Remove the snapshot of that key or name; return how many bytes of disk come free.

        Removing what is not there frees 0. Raises `SnapshotInUse`, naming the holder, while another
        stands on it. Inside a transaction of the database the files go once that has committed.
        """

    def remove_each(self, keys: Sequence[str]) -> dict[str, int]:
        """
        Remove those of *keys*, the highest first, on which no other snapshot stands by then.

        Returns what each of them freed, 0 for those that were not there; see `remove`.
        """

    def find(self, key: str) -> Snapshot | None:
        """Return the snapshot of that key or name, or None."""

    def get(self, key: str) -> Snapshot:
        """Return the snapshot of that key or name; raise `SnapshotNotFound`."""

    def iter_snapshots(self) -> Iterator[Snapshot]:
        """Yield every snapshot, parents before what stands on them."""

    def usage(self, key: str) -> Usage:
        """
        Return what the snapshot itself occupies on disk, measured now: what `remove` would free.

        For an active one that is the container's writable layer with the directories that hold it,
        so it is never quite nothing. Raises `SnapshotNotFound`.
        """

    def own_directory(self, name: ChainID) -> Path:
        """
        Return the directory in which the files that the layer itself brought are found.

        The layers below may show in it too. It must not be written to; raises `SnapshotNotFound`.
        """

    def layer_directories(self, name: ChainID) -> list[Path]:
        """
        Return the directories whose stack is the committed snapshot, the highest first.

        They are in overlayfs's form and must not be written to. Raises `SnapshotNotFound`.
        """

    def changes_directory(self, key: str) -> Path | None:
        """
        Return the directory that holds what the active snapshot changed, in overlayfs's form.

        None where the snapshotter keeps no such thing: then `whole_trees` tells what is changed.
        Raises `SnapshotNotFound`.
        """

    def whole_trees(self, key: str) -> tuple[Path, Path | None] | None:
        """
        Return the whole tree of the active snapshot and, if it has a parent, the one it began as.

        None where the snapshotter keeps no such things. Raises `SnapshotNotFound`.
        """

    def stray_directories(self) -> list[Path]:
        """Return the directories that no record names, and `sweep` would remove."""

    def sweep(self) -> int:
        """Remove the directories that no record names; return the bytes that came free."""
