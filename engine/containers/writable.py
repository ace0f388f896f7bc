"""Where what a container writes goes: its snapshot on the disk, or a layer in memory over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.containers.memory_layer import FILES, WORK
from engine.errors import Unsupported
from engine.settings.lifetime import Writable
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.mount import Mount

# How long overlayfs has known layers that it does not write out.
VOLATILE_SINCE = (5, 10)
LOST = "what it had changed was in memory, and went when the host was restarted"


def is_in_memory(record: ContainerRecord) -> bool:
    """Whether the container wants its writable layer in memory."""
    return record.settings.writable is Writable.MEMORY


def root_mounts(means: Means, record: ContainerRecord) -> list[Mount]:
    """Return the mounts that show the container's files; a layer in memory is made if need be."""
    mounts = means.snapshotter.mounts(record.id)
    if record.settings.auto_remove:
        _forget_hurry(mounts)
    return with_upper(mounts, _ensured(means, record)) if is_in_memory(record) else mounts


def run_mounts(means: Means, record: ContainerRecord) -> list[Mount]:
    """
    Return `root_mounts` for a run.

    What a container writes that is removed at its exit need never reach the disk: neither its
    program nor the end of its mount, which else writes out the whole file system, waits for that.
    """
    mounts = root_mounts(means, record)
    if not record.settings.auto_remove or means.host.kernel < VOLATILE_SINCE:
        return mounts
    return [_hurried(each) for each in mounts]


def _hurried(mount: Mount) -> Mount:
    if mount.option("upperdir") is None:
        return mount
    return replace(mount, options=(*mount.options, "volatile"))


def _forget_hurry(mounts: list[Mount]) -> None:
    # The kernel leaves a mark, lest somebody relies on such a layer after the machine went down.
    for mount in mounts:
        work = mount.option("workdir")
        if work is not None:
            remove_tree(Path(work) / "work" / "incompat" / "volatile")


def layer_in_memory(means: Means, record: ContainerRecord) -> Path | None:
    """Return the directory in memory that holds what the container changed, if there is one."""
    place = means.memory.find(record.id) if is_in_memory(record) else None
    return place / FILES if place else None


def changes_directory(means: Means, record: ContainerRecord) -> Path | None:
    """Return the directory that holds what the container changed, in overlayfs's form."""
    return layer_in_memory(means, record) or means.snapshotter.changes_directory(record.id)


def renew(means: Means, record: ContainerRecord) -> None:
    """Give the container an empty layer in memory, if that is where it wants it."""
    if is_in_memory(record):
        means.memory.drop(record.id)
        _ensured(means, record)


def with_upper(mounts: list[Mount], place: Path) -> list[Mount]:
    """Return *mounts* with what is written going to *place*."""
    if not any(mount.option("upperdir") for mount in mounts):
        raise Unsupported(
            "a writable layer in memory needs overlayfs, which this root does not use"
        )
    return [replace(mount, options=_moved(mount.options, place)) for mount in mounts]


def _moved(options: tuple[str, ...], place: Path) -> tuple[str, ...]:
    moved = {"upperdir": f"upperdir={place / FILES}", "workdir": f"workdir={place / WORK}"}
    return tuple(moved.get(each.partition("=")[0], each) for each in options)


def _ensured(means: Means, record: ContainerRecord) -> Path:
    model = means.snapshotter.changes_directory(record.id)
    if model is None:
        raise Unsupported(
            "a writable layer in memory needs overlayfs, which this root does not use"
        )
    return means.memory.ensure(record.id, limit=record.settings.writable_bytes, model=model)
