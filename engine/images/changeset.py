"""The tar of what a container's snapshot changed, whatever snapshotter keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.layers.changeset import iter_changeset, iter_difference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.layers.changeset import LeftOut
    from engine.snapshots.snapshotter import Snapshotter


def iter_changes_of(
    snapshotter: Snapshotter,
    key: str,
    *,
    upper: Path | None = None,
    is_left_out: LeftOut = lambda *_: False,
    latest_ns: int | None = None,
) -> Iterator[bytes]:
    """
    Yield the tar of all that the active snapshot *key* changed against its parent.

    What *is_left_out*, told path and status, is no part of it. The snapshot may be mounted and in
    use: then the tar is as consistent as what writes to it. Where something else than the snapshot
    takes the changes, *upper* is the directory. No time is later than *latest_ns*. Raises
    `SnapshotNotFound`.
    """
    trees = snapshotter.whole_trees(key)
    if trees is not None and upper is None:
        return iter_difference(*trees, is_left_out=is_left_out, latest_ns=latest_ns)
    parent = snapshotter.get(key).parent
    below = snapshotter.layer_directories(parent) if parent else []
    changed = upper or changed_directory(snapshotter, key)
    return iter_changeset(changed, below, is_left_out=is_left_out, latest_ns=latest_ns)


def changed_directory(snapshotter: Snapshotter, key: str) -> Path:
    """Return the directory that has all that the active snapshot *key* changed, and maybe more."""
    upper = snapshotter.changes_directory(key)
    trees = snapshotter.whole_trees(key)
    assert upper or trees
    return upper or trees[0]  # type: ignore[index] # one of the two is there
