"""What can be seen of a machine and a stack; probing changes nothing."""

import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.host.abilities import CAP_SYS_ADMIN, has_capability, has_filesystem
from workers.host.accounts import LedgerFacts, probe_ledger
from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.database import is_migrated
from workers.host.errors import HostError
from workers.host.health import is_port_taken, is_redis_answering, is_web_healthy
from workers.host.keys import list_exposed, read_secret
from workers.host.ownership import find_closed_parent
from workers.host.packages import RUNTIME, list_missing
from workers.host.programs import find_program
from workers.host.stack import Stack, has_own_redis, render_address
from workers.host.supervision import ProcessState, Supervisor

CAP_SYS_RESOURCE = 24
PROGRAMS = ("runc", "crun", "conmon", "redis-server", "nft")
CGROUPS = Path("/sys/fs/cgroup")


class CgroupLayout(StrEnum):
    """How the kernel's control groups are mounted."""

    V1 = "v1"
    V2 = "v2"
    HYBRID = "v1 with a v2 mount beside it"
    NONE = "none"


@dataclass(frozen=True)
class Disk:
    """The room on the disk that *path* is or will be on; some filesystems count no inodes."""

    path: Path
    free_bytes: int
    total_bytes: int
    free_inodes: int | None


@dataclass(frozen=True)
class Facts:
    """Everything that findings are made from. `None` means that it does not apply."""

    is_linux: bool
    is_root: bool
    can_mount: bool
    can_raise_limits: bool
    has_overlay: bool
    cgroups: CgroupLayout
    programs: frozenset[str]
    missing_packages: tuple[str, ...]
    python_closed_at: Path | None
    disks: tuple[Disk, ...]
    now: float
    newest_source: float
    address: str
    is_port_taken: bool
    exposed_secrets: tuple[Path, ...]
    is_up: bool
    processes: tuple[ProcessState, ...]
    is_redis_answering: bool | None
    is_web_healthy: bool | None
    is_migrated: bool | None
    ledger: LedgerFacts | None = None


def probe(stack: Stack, environment: Mapping[str, str]) -> Facts:
    """Return the facts about this machine and about *stack*, running or not."""
    supervisor = Supervisor(stack)
    is_up = supervisor.is_running()
    has_web = is_up and stack.has_process("web")
    paths = {stack.root, stack.run, stack.data}
    return Facts(
        is_linux=platform.system() == "Linux",
        is_root=os.geteuid() == 0,
        can_mount=has_capability(CAP_SYS_ADMIN),
        can_raise_limits=has_capability(CAP_SYS_RESOURCE),
        has_overlay=has_filesystem("overlay"),
        cgroups=probe_cgroups(CGROUPS),
        programs=frozenset(name for name in PROGRAMS if find_program(name)),
        missing_packages=tuple(package.name for package in list_missing(RUNTIME)),
        python_closed_at=find_closed_parent(PYTHON.resolve()),
        disks=tuple(probe_disk(path) for path in sorted(paths)),
        now=time.time(),
        newest_source=(CHECKOUT / "pyproject.toml").stat().st_mtime,
        address=render_address(*stack.local_address),
        is_port_taken=not is_up
        and stack.has_process("web")
        and is_port_taken((stack.bind, stack.port)),
        exposed_secrets=_probe_secrets(stack),
        is_up=is_up,
        processes=tuple(supervisor.list_states()) if is_up else (),
        is_redis_answering=_probe_redis(stack, environment) if is_up else None,
        is_web_healthy=is_web_healthy(stack.local_address) if has_web else None,
        is_migrated=_probe_database(stack, environment) if has_web else None,
        ledger=probe_ledger(stack),
    )


def probe_cgroups(mount: Path) -> CgroupLayout:
    """Return how control groups are laid out below *mount*."""
    if (mount / "cgroup.controllers").exists():
        return CgroupLayout.V2
    has_v1 = (mount / "memory").is_dir() or (mount / "pids").is_dir()
    if has_v1 and (mount / "unified" / "cgroup.controllers").exists():
        return CgroupLayout.HYBRID
    return CgroupLayout.V1 if has_v1 else CgroupLayout.NONE


def probe_disk(path: Path) -> Disk:
    """Return the room on the disk of *path*, or of the nearest parent that exists."""
    existing = next(place for place in (path, *path.parents) if place.exists())
    usage, counts = shutil.disk_usage(existing), os.statvfs(existing)
    inodes = counts.f_favail if counts.f_files else None
    return Disk(path, usage.free, usage.total, inodes)


def _probe_secrets(stack: Stack) -> tuple[Path, ...]:
    try:
        return tuple(list_exposed(stack.secrets))
    except PermissionError:
        # Closed to us is what it should be.
        return ()


def _probe_redis(stack: Stack, environment: Mapping[str, str]) -> bool | None:
    if not has_own_redis(stack, environment):
        return None
    try:
        password = read_secret(stack.secrets, "redis-password")
    except HostError:
        return False
    return is_redis_answering(stack.redis_directory / "redis.sock", password)


def _probe_database(stack: Stack, environment: Mapping[str, str]) -> bool | None:
    if environment.get("DATABASE_URL", "sqlite:///").startswith("sqlite:///"):
        return is_migrated(stack, environment)
    return None
