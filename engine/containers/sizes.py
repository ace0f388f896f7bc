"""What a container takes on the disk, and what would go with it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.containers.record import Loss
from engine.containers.scaffold import PARENTS, is_scaffold_name
from engine.containers.writable import changes_directory, is_in_memory
from engine.layers.diff import ChangeKind, iter_changes
from engine.system.files import BLOCK, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.layers.diff import Change
    from engine.snapshots.snapshotter import Snapshotter


def writable_bytes(snapshotter: Snapshotter, container_id: str) -> int:
    """Return what the container's writable layer takes on the disk, measured now."""
    return snapshotter.usage(container_id).bytes


def log_bytes(bundle: Bundle) -> int:
    """Return what all files of the container's log take on the disk, each once."""
    found = {}
    for path in bundle.directory.glob(f"{bundle.log.name}*"):
        with suppress(FileNotFoundError):
            status = path.lstat()
            found[status.st_ino] = status.st_blocks * BLOCK
    return sum(found.values())


def drop_log(bundle: Bundle) -> int:
    """Throw the container's log away; return the bytes that came free."""
    before = log_bytes(bundle)
    for path in bundle.directory.glob(f"{bundle.log.name}.*"):
        path.unlink(missing_ok=True)
    if bundle.log.exists():
        os.truncate(bundle.log, 0)
    return before - log_bytes(bundle)


def iter_container_changes(means: Means, record: ContainerRecord) -> Iterator[Change]:
    """Yield how the container changed its image; nothing where the snapshotter cannot tell."""
    directory = changes_directory(means, record)
    if directory is None:
        return
    parent = means.snapshotter.get(record.id).parent
    lowers = means.snapshotter.layer_directories(parent) if parent else []
    yield from without_scaffold(iter_changes(directory, lowers))


def without_scaffold(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield *changes* without what a start makes; a parent comes only if something in it does."""
    held: Change | None = None
    for change in changes:
        path = os.fsencode(change.path).strip(b"/")
        if is_scaffold_name(path, size=change.size, is_directory=change.is_directory):
            continue
        if path in PARENTS and change.kind is ChangeKind.CHANGED:
            held = change
            continue
        if held is not None and change.path.startswith(held.path + "/"):
            yield held
            held = None
        yield change


def loss_of(means: Means, record: ContainerRecord) -> Loss:
    """Return how many files the container changed, and the bytes that its removal would free."""
    changes = iter_container_changes(means, record)
    files = sum(not change.is_directory for change in changes)
    kept = means.memory.find(record.id) if is_in_memory(record) else None
    in_memory = measure(kept).bytes if kept else 0
    return Loss(files, in_memory + writable_bytes(means.snapshotter, record.id))
