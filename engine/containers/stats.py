"""
What running containers use: memory, processor, processes and disk, as their control groups count.

A reading is a few small files of the kernel. How busy the processor is shows only between two
readings, so a `Sampler` remembers the last one of each container.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.containers.stats_details import CpuTimes, StatsDetails, read_details
from engine.system.cgroup_files import Group, group_of, parse_flat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.containers.record import ContainerRecord

# Above this, a v1 limit is the kernel's way to say that there is none.
NO_LIMIT = 1 << 60
MICRO = 1_000
# Two readings that are closer than this say nothing about the processor.
SHORTEST = 50_000_000
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading of a control group. *cpu_ns* is processor time so far, in nanoseconds."""

    taken_at_ns: int
    cpu_ns: int
    memory_bytes: int
    memory_limit: int
    pids: int
    read_bytes: int
    written_bytes: int


@dataclass(frozen=True, slots=True)
class StatsSample:
    """
    What one container uses now.

    *memory_bytes* leaves out page cache that can be dropped at once, as docker does; *memory_limit*
    is the host's memory where there is no limit. *cpu_percent* is of one processor, so it can pass
    100; it is None until there are two readings. *details* are there if they were asked for.
    """

    container_id: str
    memory_bytes: int
    memory_limit: int
    cpu_percent: float | None
    cpu_ns: int
    pids: int
    read_bytes: int
    written_bytes: int
    details: StatsDetails | None = None


class Sampler:
    """Reads what containers use."""

    def __init__(
        self, host_memory: int, *, find_group: Callable[[int], Group | None] = group_of
    ) -> None:
        self._host_memory = host_memory
        self._find_group = find_group
        self._last: dict[str, Usage] = {}
        self._last_cpu: dict[str, CpuTimes] = {}
        self._guard = threading.Lock()

    def sample(self, record: ContainerRecord) -> StatsSample | None:
        """Return what the container uses, or None if its process has ended."""
        group = self._find_group(record.pid) if record.pid else None
        if group is None or not _is_of(group, record):
            return None
        usage = read_usage(group, host_memory=self._host_memory)
        return _sample(record.id, usage, self._cpu_percent(record.id, usage))

    def sample_closely(self, record: ContainerRecord) -> StatsSample | None:
        """Return what the container uses with all details, or None if its process has ended."""
        sample = self.sample(record)
        group = self._find_group(record.pid) if sample else None
        if sample is None or group is None:
            return None
        with self._guard:
            before = self._last_cpu.get(record.id)
        details = read_details(group, record.pid, before=before)
        with self._guard:
            self._last_cpu.pop(record.id, None)
            self._last_cpu[record.id] = details.cpu
            while len(self._last_cpu) > MOST_REMEMBERED:
                del self._last_cpu[next(iter(self._last_cpu))]
        return replace(sample, details=details)

    def sample_all(self, records: Iterable[ContainerRecord]) -> list[StatsSample]:
        """Return what each of *records* uses, which are all that run; the others are forgotten."""
        found = [each for record in records if (each := self.sample(record)) is not None]
        alive = {each.container_id for each in found}
        with self._guard:
            self._last = {key: usage for key, usage in self._last.items() if key in alive}
        return found

    def _cpu_percent(self, container_id: str, usage: Usage) -> float | None:
        with self._guard:
            last = self._last.get(container_id)
            if last is not None and usage.taken_at_ns - last.taken_at_ns < SHORTEST:
                return None
            self._last[container_id] = usage
        return None if last is None else cpu_percent(last, usage)


def cpu_percent(before: Usage, after: Usage) -> float:
    """Return how busy one processor would have been between two readings, in percent."""
    elapsed = after.taken_at_ns - before.taken_at_ns
    used = max(0, after.cpu_ns - before.cpu_ns)
    return 100.0 * used / elapsed if elapsed > 0 else 0.0


def read_usage(group: Group, *, host_memory: int) -> Usage:
    """Return one reading of *group*."""
    read = _read_unified if group.is_unified else _read_legacy
    return read(group, host_memory)


def _read_unified(group: Group, host_memory: int) -> Usage:
    inactive = parse_flat(group.read("memory", "memory.stat")).get("inactive_file", 0)
    used = group.number("memory", "memory.current") or 0
    written, read = _unified_io(group.read("io", "io.stat"))
    return Usage(
        taken_at_ns=time.monotonic_ns(),
        cpu_ns=parse_flat(group.read("cpu", "cpu.stat")).get("usage_usec", 0) * MICRO,
        memory_bytes=max(0, used - inactive),
        memory_limit=min(group.number("memory", "memory.max") or host_memory, host_memory),
        pids=group.number("pids", "pids.current") or 0,
        read_bytes=read,
        written_bytes=written,
    )


def _read_legacy(group: Group, host_memory: int) -> Usage:
    stat = parse_flat(group.read("memory", "memory.stat"))
    used = group.number("memory", "memory.usage_in_bytes") or 0
    limit = group.number("memory", "memory.limit_in_bytes") or NO_LIMIT
    io = group.read("blkio", "blkio.throttle.io_service_bytes_recursive")
    return Usage(
        taken_at_ns=time.monotonic_ns(),
        cpu_ns=group.number("cpuacct", "cpuacct.usage") or 0,
        memory_bytes=max(0, used - stat.get("total_inactive_file", 0)),
        memory_limit=limit if limit < min(NO_LIMIT, host_memory) else host_memory,
        pids=group.number("pids", "pids.current") or 0,
        read_bytes=_legacy_io(io, "Read"),
        written_bytes=_legacy_io(io, "Write"),
    )


def _unified_io(text: str) -> tuple[int, int]:
    """Return written and read bytes of io.stat: `8:0 rbytes=1 wbytes=2 …` for each device."""
    words = [word.partition("=") for line in text.splitlines() for word in line.split()[1:]]

    def total(key: str) -> int:
        return sum(int(value) for name, _, value in words if name == key and value.isdecimal())

    return total("wbytes"), total("rbytes")


def _legacy_io(text: str, operation: str) -> int:
    """Return the bytes of `8:0 Read 4096` for each device, of one operation."""
    lines = [line.split() for line in text.splitlines()]
    return sum(int(line[2]) for line in lines if len(line) == 3 and line[1] == operation)


def _is_of(group: Group, record: ContainerRecord) -> bool:
    # The number may belong to another process by now.
    return any(record.id in str(directory) for directory in group.directories.values())


def _sample(container_id: str, usage: Usage, percent: float | None) -> StatsSample:
    return StatsSample(
        container_id=container_id,
        memory_bytes=usage.memory_bytes,
        memory_limit=usage.memory_limit,
        cpu_percent=percent,
        cpu_ns=usage.cpu_ns,
        pids=usage.pids,
        read_bytes=usage.read_bytes,
        written_bytes=usage.written_bytes,
    )
