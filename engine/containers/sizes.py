"""What a container takes on the disk, and what would go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.record import Loss
from engine.layers.diff import iter_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.layers.diff import Change
    from engine.snapshots.snapshotter import Snapshotter


def writable_bytes(snapshotter: Snapshotter, container_id: str) -> int:
    """Return what the container's writable layer takes on the disk, measured now."""
    return snapshotter.usage(container_id).bytes


def iter_container_changes(snapshotter: Snapshotter, container_id: str) -> Iterator[Change]:
    """Yield how the container changed its image; nothing where the snapshotter cannot tell."""
    directory = snapshotter.changes_directory(container_id)
    if directory is None:
        return
    parent = snapshotter.get(container_id).parent
    lowers = snapshotter.layer_directories(parent) if parent else []
    yield from iter_changes(directory, lowers)


def loss_of(snapshotter: Snapshotter, container_id: str) -> Loss:
    """Return how many files the container changed, and the bytes that its removal would free."""
    changes = iter_container_changes(snapshotter, container_id)
    files = sum(not change.is_directory for change in changes)
    return Loss(files, writable_bytes(snapshotter, container_id))
