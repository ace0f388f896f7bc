"""
Control groups, in the layouts that hosts have.

A group is named by one path, `/shipshape/<id>`, in every hierarchy: one directory on cgroup v2, one
for each controller on v1. A hybrid host has both, with the controllers on v1.
"""

from __future__ import annotations

import enum
import errno
import os
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from engine.errors import SystemFailure, from_oserror
from engine.system.cgroup_files import MOUNT, parse_flat
from engine.system.freezer import Freezer, LegacyFreezer, UnifiedFreezer
from engine.system.grace import begin_grace
from engine.system.kernel_files import read_small
from engine.system.processes import kill_and_wait

if TYPE_CHECKING:
    from collections.abc import Iterator

EMPTY_WITHIN = 5.0
SHORTEST_PAUSE = 0.001
FREEZE_WITHIN = 10.0


class CgroupLayout(enum.StrEnum):
    """How a host arranges its control groups."""

    UNIFIED = "v2"
    HYBRID = "hybrid"
    LEGACY = "v1"
    NONE = "none"


def detect_layout(mount: Path = MOUNT) -> CgroupLayout:
    """Return the layout of the hierarchy below *mount*."""
    if (mount / "cgroup.controllers").exists():
        return CgroupLayout.UNIFIED
    if not (mount / "memory").is_dir():
        return CgroupLayout.NONE
    has_unified = (mount / "unified" / "cgroup.controllers").exists()
    return CgroupLayout.HYBRID if has_unified else CgroupLayout.LEGACY


class Cgroups:
    """The control groups of this host that have our names."""

    def __init__(self, mount: Path = MOUNT) -> None:
        self._mount = mount

    def expect_move(self) -> None:
        """Have a process moved into a group without delay, if it is in some milliseconds."""
        begin_grace(self._mount)

    def destroy(self, path: str) -> bool:
        """
        Kill what is left in the group *path*, remove it from every hierarchy, and return True.

        A group that is not there is fine. False means that its processes, although killed, are not
        reaped yet: their parent takes its time. Try again later.
        """
        deadline = time.monotonic() + EMPTY_WITHIN
        destroyed = [_destroyed(each, deadline) for each in self.directories(path)]
        return all(destroyed)

    def freeze(self, path: str) -> None:
        """Have every process of the group *path* stand still; raise `SystemFailure`."""
        freezer = self._freezer(path)
        deadline = time.monotonic() + FREEZE_WITHIN
        freezer.freeze()
        while not freezer.is_done:
            if time.monotonic() > deadline:
                freezer.thaw()
                raise SystemFailure("cannot pause the container: its processes do not stand still")
            time.sleep(SHORTEST_PAUSE)

    def thaw(self, path: str) -> None:
        """Have the processes of the group *path* go on; one not frozen or not there is fine."""
        freezer = self._freezer(path)
        if freezer.is_frozen:
            freezer.thaw()

    def is_frozen(self, path: str) -> bool:
        """Whether the processes of the group *path* stand still, or are about to."""
        return self._freezer(path).is_frozen

    def _freezer(self, path: str) -> Freezer:
        relative = path.lstrip("/")
        if detect_layout(self._mount) is CgroupLayout.UNIFIED:
            return UnifiedFreezer(self._mount / relative)
        return LegacyFreezer(self._mount / "freezer" / relative)

    def oom_kills(self, path: str) -> int:
        """Return how often the kernel killed in the group *path* for lack of memory."""
        relative = path.lstrip("/")
        unified = self._mount / relative / "memory.events"
        legacy = self._mount / "memory" / relative / "memory.oom_control"
        counts = parse_flat(read_small(unified) or read_small(legacy))
        return counts.get("oom_kill", 0)

    def members(self, path: str) -> list[int]:
        """Return the processes in the group *path* and in the groups below it."""
        for directory in self.directories(path):
            below = [each.parent for each in directory.rglob("cgroup.procs")]
            return sorted({pid for each in below for pid in _members(each)})
        return []

    def missing_parents(self, path: str) -> list[str]:
        """Return the groups above *path* that are in no hierarchy, the lowest first."""
        parents = [str(each) for each in PurePosixPath(path).parents if each.name]
        return [each for each in parents if not self.exists(each)]

    def remove_empty(self, path: str) -> bool:
        """Remove the group *path* if nothing is in it; return whether it is nowhere any more."""
        removed = [_removed(each) for each in self.directories(path)]
        return all(removed)

    def exists(self, path: str) -> bool:
        """Whether the group *path* is there in any hierarchy."""
        return any(True for _ in self.directories(path))

    def has_groups_below(self, path: str) -> bool:
        """Whether somebody has made groups of their own in the group *path*."""
        # A directory has a link for itself, one in its parent, and one in each directory below.
        return any(each.stat().st_nlink > 2 for each in self.directories(path))

    def directories(self, path: str) -> Iterator[Path]:
        """Yield the directories of the group *path* that are there, one of each hierarchy."""
        relative = path.lstrip("/")
        if detect_layout(self._mount) is CgroupLayout.UNIFIED:
            hierarchies = [self._mount]
        else:
            # A controller may be reached under two names (cpu, cpu,cpuacct) that are links.
            hierarchies = [each for each in self._mount.iterdir() if not each.is_symlink()]
        for hierarchy in hierarchies:
            directory = hierarchy / relative
            if directory.is_dir():
                yield directory


def _destroyed(directory: Path, deadline: float) -> bool:
    with suppress(FileNotFoundError):
        for each in list(directory.iterdir()):
            if each.is_dir():
                _destroyed(each, deadline)
    pause = SHORTEST_PAUSE
    while not _removed(directory):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        kill_and_wait(_members(directory), timeout=left)
        # A process counts until its parent has reaped it, and nothing tells when that happens.
        time.sleep(min(pause, left))
        pause *= 2
    return True


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.ENOTEMPTY}:
            raise from_oserror(error, f"remove {directory}") from error
        return False
    return True


def _members(directory: Path) -> list[int]:
    words = read_small(directory / "cgroup.procs").split()
    return [int(word) for word in words if int(word) != os.getpid()]
