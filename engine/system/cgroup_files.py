"""The files of one control group, wherever the host's layout has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.system.kernel_files import read_small

if TYPE_CHECKING:
    from collections.abc import Mapping

MOUNT = Path("/sys/fs/cgroup")
UNIFIED = ""


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


def parse_flat(text: str) -> dict[str, int]:
    """Return the numbers in a file of lines `key number`; other lines are passed over."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
