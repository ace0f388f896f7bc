"""
What this machine allows the tests to do.

Each test marker has conditions; `list_obstacles` says in words which of them fail, so that a
skipped test tells its reader what would make it run.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from workers.host.programs import find_program

CAP_SYS_ADMIN = 21

PROGRAMS_BY_MARKER = {
    "root": ("runc", "conmon", "busybox", "unshare", "setpriv"),
    "redis": ("redis-server",),
    "registry": ("docker-registry", "skopeo"),
    "postgres": ("initdb", "setpriv"),
    "browser": ("chromium",),
}
"""What must be on the machine before tests with a marker can run."""

MARKERS_FOR_ROOT = frozenset({"root", "postgres"})


@dataclass(frozen=True)
class Abilities:
    """Probed facts about the machine, as far as tests ask for them."""

    is_linux: bool
    is_root: bool
    can_mount: bool
    has_overlay: bool
    programs: frozenset[str]


def probe_abilities() -> Abilities:
    """Return what this process may do here, without doing any of it."""
    return Abilities(
        is_linux=platform.system() == "Linux",
        is_root=os.geteuid() == 0,
        can_mount=has_capability(CAP_SYS_ADMIN),
        has_overlay=has_filesystem("overlay"),
        programs=frozenset(
            name for names in PROGRAMS_BY_MARKER.values() for name in names if _is_there(name)
        ),
    )


def list_obstacles(marker: str, abilities: Abilities) -> list[str]:
    """Return what stands in the way of tests marked *marker*; empty when nothing does."""
    obstacles = []
    if not abilities.is_linux:
        obstacles.append("this is not Linux")
    if marker in MARKERS_FOR_ROOT and not abilities.is_root:
        obstacles.append("not root")
    if marker == "root" and abilities.is_root and not abilities.can_mount:
        obstacles.append("root may not mount here (CAP_SYS_ADMIN is missing)")
    if marker == "root" and not abilities.has_overlay:
        obstacles.append("the kernel has no overlayfs")
    missing = [name for name in PROGRAMS_BY_MARKER[marker] if name not in abilities.programs]
    return obstacles + [f"{name} is not installed" for name in missing]


def find_postgres_directory() -> Path | None:
    """Return the directory of PostgreSQL's server programs, newest version first, if any."""
    found = find_program("initdb")
    if found:
        return found.parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(debian, key=lambda path: int(path.parts[-3]), reverse=True)
    return newest[0].parent if newest else None


def has_capability(number: int, status: Path = Path("/proc/self/status")) -> bool:
    """Return whether this process holds capability *number*; False where nobody can say."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return False
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> number & 1)


def has_filesystem(name: str) -> bool:
    """Return whether the kernel has the filesystem *name*, loaded or as a module."""
    try:
        known = Path("/proc/filesystems").read_text().split()
    except OSError:
        return False
    module = Path("/lib/modules", platform.release(), "kernel/fs", name)
    return name in known or module.exists()


def _is_there(name: str) -> bool:
    if name == "initdb":
        return find_postgres_directory() is not None
    return find_program(name) is not None
