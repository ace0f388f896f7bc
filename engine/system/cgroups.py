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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import from_oserror
from engine.system.processes import kill_and_wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOUNT = Path("/sys/fs/cgroup")
UNIFIED = ""
READ_LIMIT = 256 * 1024
EMPTY_WITHIN = 5.0
SHORTEST_PAUSE = 0.001


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


@dataclass(frozen=True, slots=True)
class Group:
    """The directories of one control group by controller; that of v2 is under `UNIFIED`."""

    directories: Mapping[str, Path]

    @property
    def is_unified(self) -> bool:
        """Whether v2 has the controllers."""
        return set(self.directories) == {UNIFIED}

    def read(self, controller: str, name: str) -> str:
        """Return the file *name* of *controller*; empty where there is none."""
        directory = self.directories.get(UNIFIED if self.is_unified else controller)
        return read_small(directory / name) if directory else ""

    def number(self, controller: str, name: str) -> int | None:
        """Return the number in the file *name*, or None where there is none (or it says max)."""
        text = self.read(controller, name).strip()
        return int(text) if text.isdecimal() else None


def group_of(pid: int, *, mount: Path = MOUNT, proc: Path = Path("/proc")) -> Group | None:
    """Return the group that the process *pid* is in, or None if there is no such process."""
    text = read_small(proc / str(pid) / "cgroup")
    directories: dict[str, Path] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            directories[controller] = _directory(mount, controller, path)
    unified = directories.get(UNIFIED)
    if len(directories) > 1:
        directories.pop(UNIFIED, None)
    elif unified is None:
        return None
    return Group(directories)


def _directory(mount: Path, controller: str, path: str) -> Path:
    hierarchy = mount / controller.removeprefix("name=") if controller else mount
    return hierarchy / path.lstrip("/")


class Cgroups:
    """The control groups of this host that have our names."""

    def __init__(self, mount: Path = MOUNT) -> None:
        self._mount = mount

    def destroy(self, path: str) -> bool:
        """
        Kill what is left in the group *path*, remove it from every hierarchy, and return True.

        A group that is not there is fine. False means that its processes, although killed, are not
        reaped yet: their parent takes its time. Try again later.
        """
        deadline = time.monotonic() + EMPTY_WITHIN
        destroyed = [_destroyed(each, deadline) for each in self._directories(path)]
        return all(destroyed)

    def oom_kills(self, path: str) -> int:
        """Return how often the kernel killed in the group *path* for lack of memory."""
        relative = path.lstrip("/")
        unified = self._mount / relative / "memory.events"
        legacy = self._mount / "memory" / relative / "memory.oom_control"
        counts = parse_flat(read_small(unified) or read_small(legacy))
        return counts.get("oom_kill", 0)

    def members(self, path: str) -> list[int]:
        """Return the processes in the group *path* and in the groups below it."""
        for directory in self._directories(path):
            below = [each.parent for each in directory.rglob("cgroup.procs")]
            return sorted({pid for each in below for pid in _members(each)})
        return []

    def exists(self, path: str) -> bool:
        """Whether the group *path* is there in any hierarchy."""
        return any(True for _ in self._directories(path))

    def _directories(self, path: str) -> Iterator[Path]:
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


def read_small(path: Path) -> str:
    """Return the beginning of a file of the kernel's; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, READ_LIMIT).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def parse_flat(text: str) -> dict[str, int]:
    """Return the numbers in a file of lines `key number`; other lines are passed over."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
