"""What this host is and can, as far as containers depend on it: one frozen value."""

from __future__ import annotations

import ctypes
import os
import re
import resource
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.oci.platform import normalise_architecture
from engine.system.cgroup_files import MOUNT
from engine.system.cgroups import CgroupLayout, detect_layout

if TYPE_CHECKING:
    from collections.abc import Mapping

PROC = Path("/proc")
CAP_SYS_RESOURCE = 24
APPARMOR = Path("/sys/module/apparmor/parameters/enabled")
X32_GETPID = 0x40000000 + 39
_BOUNDING = re.compile(r"^CapBnd:\s*([0-9a-f]+)", re.MULTILINE)
# Where each control over a resource is found, in cgroup v1 and (below any group) in v2.
CONTROLS = {
    "memory": ("memory/memory.limit_in_bytes", "memory.max"),
    "memory_reservation": ("memory/memory.soft_limit_in_bytes", "memory.low"),
    "memory_swappiness": ("memory/memory.swappiness", ""),
    "oom_kill_disable": ("memory/memory.oom_control", ""),
    "cpu_shares": ("cpu/cpu.shares", "cpu.weight"),
    "cpu_quota": ("cpu/cpu.cfs_quota_us", "cpu.max"),
    "cpuset": ("cpuset/cpuset.cpus", "cpuset.cpus"),
    "pids_limit": ("pids/cgroup.procs", "pids.max"),
    "blkio_weight": ("blkio/blkio*.weight", "io.weight"),
    "blkio_weight_device": ("blkio/blkio*.weight_device", "io.weight"),
    "blkio_rates": ("blkio/blkio.throttle.read_bps_device", "io.max"),
}
_RELEASE = re.compile(r"(\d+)\.(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """
    One host as its containers find it.

    *open_files* is the hard limit of this process: without CAP_SYS_RESOURCE no container can have
    more. *oom_score* likewise is the lowest that it can have. *missing* names the controls over
    resources that its kernel does not have; see `CONTROLS`. *limits* are the hard limits of this
    process by their names in getrlimit(2), none where it may raise them; *capability_bits* are the
    capabilities that a container can have at most, by number. *has_x32*: its kernel runs programs
    of the x32 kind. *has_apparmor*: its kernel confines programs by AppArmor's profiles.
    """

    architecture: str
    kernel: tuple[int, int]
    cgroups: CgroupLayout
    has_cgroup_namespace: bool
    has_swap_limit: bool
    open_files: int
    oom_score: int
    cpus: int
    memory_bytes: int
    capability_bits: int = (1 << 41) - 1
    missing: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    has_x32: bool = False
    has_apparmor: bool = False

    def hard_limit(self, name: str) -> int:
        """Return the most that a process here may have of the limit *name*, -1 for any."""
        return self.limits.get(name, -1)


@lru_cache(maxsize=1)
def probe_host() -> HostFacts:
    """Return the facts of this host; they are looked up once."""
    layout = detect_layout()
    return HostFacts(
        architecture=normalise_architecture(os.uname().machine, "")[0],
        kernel=_kernel(os.uname().release),
        cgroups=layout,
        has_cgroup_namespace=(PROC / "self/ns/cgroup").exists(),
        has_swap_limit=_has_swap_limit(layout),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        oom_score=max(0, int((PROC / "self/oom_score_adj").read_text())),
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        capability_bits=_bounding_bits(),
        missing=missing_controls(layout),
        limits={} if _bounding_bits() >> CAP_SYS_RESOURCE & 1 else _hard_limits(),
        has_x32=os.uname().machine == "x86_64" and _has_x32(),
        has_apparmor=has_apparmor(),
    )


def has_apparmor(switch: Path = APPARMOR) -> bool:
    """Return whether AppArmor is switched on in this kernel."""
    try:
        return switch.read_text().strip() == "Y"
    except OSError:
        return False


def _has_x32() -> bool:
    # A filter may end whoever makes such a call; without one the worst is that there is none.
    if "\nSeccomp:\t0\n" not in (PROC / "self/status").read_text():
        return True
    return bool(ctypes.CDLL(None).syscall(X32_GETPID) == os.getpid())


def _hard_limits() -> dict[str, int]:
    kinds = [each for each in dir(resource) if each.startswith("RLIMIT_")]
    hard = {each: resource.getrlimit(getattr(resource, each))[1] for each in kinds}
    return {name.removeprefix("RLIMIT_").lower(): value for name, value in hard.items()}


def missing_controls(layout: CgroupLayout, mount: Path = MOUNT) -> frozenset[str]:
    """Return the names of the `CONTROLS` that the control groups below *mount* do not have."""
    is_unified = layout is CgroupLayout.UNIFIED
    return frozenset(
        name
        for name, (legacy, unified) in CONTROLS.items()
        if not any(True for _ in mount.glob(f"*/{unified}" if is_unified and unified else legacy))
    )


def _kernel(release: str) -> tuple[int, int]:
    match = _RELEASE.match(release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _has_swap_limit(layout: CgroupLayout) -> bool:
    if layout is CgroupLayout.UNIFIED:
        return any(MOUNT.glob("*/memory.swap.max"))
    return (MOUNT / "memory" / "memory.memsw.limit_in_bytes").exists()


def _bounding_bits() -> int:
    match = _BOUNDING.search((PROC / "self/status").read_text())
    return int(match[1], 16) if match else 0
