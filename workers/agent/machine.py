"""How the machine is: processor, memory, disk and the facts about it, read from the kernel."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
OS_RELEASE = Path("/etc/os-release")
IDLE_COLUMNS = (3, 4)  # idle and waiting for a disk, in the line "cpu" of /proc/stat


@dataclass(frozen=True, slots=True)
class CPUTime:
    """Time that all processors together spent, in ticks since the start."""

    busy: int
    total: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in bytes; *used* is what cannot be had without taking it from somebody."""

    used: int
    total: int


def read_cpu_time(proc: Path = PROC) -> CPUTime:
    """Return the time spent so far."""
    line = (proc / "stat").read_text(encoding="ascii").partition("\n")[0]
    # The last two columns, guests, are counted in the first two already.
    ticks = [int(column) for column in line.split()[1:9]]
    idle = sum(ticks[column] for column in IDLE_COLUMNS)
    return CPUTime(sum(ticks) - idle, sum(ticks))


def cpu_percent(before: CPUTime, after: CPUTime) -> float | None:
    """Return the share of busy time between two readings, 0 to 100 over all processors."""
    elapsed = after.total - before.total
    if elapsed <= 0:
        return None
    return round(100 * (after.busy - before.busy) / elapsed, 1)


def read_memory(proc: Path = PROC) -> Memory:
    """Return how much memory there is and how much of it is taken."""
    lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
    fields = (line.partition(":")[::2] for line in lines)
    amounts = {name: int(rest.split()[0]) * 1024 for name, rest in fields}
    total = amounts["MemTotal"]
    return Memory(total - amounts.get("MemAvailable", 0), total)


def read_disk(path: Path) -> dict[str, int]:
    """Return the bytes of the file system that holds *path*: all, and free for root."""
    found = os.statvfs(path)
    return {"total": found.f_blocks * found.f_frsize, "free": found.f_bfree * found.f_frsize}


def read_facts() -> dict[str, Any]:
    """Return what does not change while the machine runs."""
    return {
        "os": read_os_name(OS_RELEASE),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
    }


def read_os_name(release: Path) -> str:
    """Return the system's name as its makers write it."""
    try:
        lines = release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.system()
    names = dict(line.partition("=")[::2] for line in lines)
    return names.get("PRETTY_NAME", platform.system()).strip('"')
