"""What this host is and can, as far as containers depend on it: one frozen value."""

from __future__ import annotations

import os
import re
import resource
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.oci.platform import normalise_architecture
from engine.system.cgroups import MOUNT, CgroupLayout, detect_layout

PROC = Path("/proc")
_BOUNDING = re.compile(r"^CapBnd:\s*([0-9a-f]+)", re.MULTILINE)
_RELEASE = re.compile(r"(\d+)\.(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """
    One host as its containers find it.

    *open_files* is the hard limit of this process: without CAP_SYS_RESOURCE no container can have
    more. *oom_score* likewise is the lowest that it can have, and *capability_bits* are the
    capabilities that it can have at most, by number.
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
