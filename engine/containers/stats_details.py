"""
All that can be told of what one container uses, for whoever looks at it closely.

Read for one container at a time; `stats` has the few numbers that are read for all of them.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.system.cgroup_files import parse_flat
from engine.system.kernel_files import read_small

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.system.cgroup_files import Group

PROC = Path("/proc")
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
MICRO = 1_000
# proc(5), /proc/net/dev: eight numbers of what came in, then eight of what went out.
_RECEIVED, _SENT = 1, 9


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Processor time so far, in nanoseconds; *host_ns* is that of the whole host."""

    taken_at_ns: int
    total_ns: int
    user_ns: int
    system_ns: int
    per_cpu_ns: tuple[int, ...]
    host_ns: int
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """
    Memory in bytes.

    *private_bytes* is the container's own (anonymous memory); *cache_bytes* holds content of files,
    which others that use the same layers share and the kernel can drop.
    """

    usage_bytes: int
    largest_bytes: int
    failures: int
    private_bytes: int
    cache_bytes: int
    stat: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class InterfaceUse:
    """What passed one network interface."""

    name: str
    received_bytes: int
    received_packets: int
    received_errors: int
    received_dropped: int
    sent_bytes: int
    sent_packets: int
    sent_errors: int
    sent_dropped: int


@dataclass(frozen=True, slots=True)
class BlockUse:
    """Bytes, or times, that one device was read from or written to."""

    major: int
    minor: int
    operation: str
    value: int


@dataclass(frozen=True, slots=True)
class StatsDetails:
    """One reading; *before* is the processor's time at the reading before, if there was one."""

    cpu: CpuTimes
    before: CpuTimes | None
    online_cpus: int
    memory: MemoryUse
    networks: tuple[InterfaceUse, ...]
    block_bytes: tuple[BlockUse, ...]
    block_times: tuple[BlockUse, ...]
    pids_limit: int


def read_details(
    group: Group, pid: int, *, before: CpuTimes | None = None, proc: Path = PROC
) -> StatsDetails:
    """Return a reading of *group*, in whose network namespace *pid* is."""
    return StatsDetails(
        cpu=_read_cpu(group, proc),
        before=before,
        online_cpus=os.cpu_count() or 1,
        memory=_read_memory(group),
        networks=parse_interfaces(read_small(proc / str(pid) / "net" / "dev")),
        block_bytes=_read_blocks(group, "io_service_bytes", ("rbytes", "wbytes")),
        block_times=_read_blocks(group, "io_serviced", ("rios", "wios")),
        pids_limit=group.number("pids", "pids.max") or 0,
    )


def _read_cpu(group: Group, proc: Path) -> CpuTimes:
    stat = parse_flat(group.read("cpu", "cpu.stat"))
    host = _host_ns(read_small(proc / "stat"))
    now = time.time_ns()
    if group.is_unified:
        return CpuTimes(
            taken_at_ns=now,
            total_ns=stat.get("usage_usec", 0) * MICRO,
            user_ns=stat.get("user_usec", 0) * MICRO,
            system_ns=stat.get("system_usec", 0) * MICRO,
            per_cpu_ns=(),
            host_ns=host,
            periods=stat.get("nr_periods", 0),
            throttled_periods=stat.get("nr_throttled", 0),
            throttled_ns=stat.get("throttled_usec", 0) * MICRO,
        )
    ticks = parse_flat(group.read("cpuacct", "cpuacct.stat"))
    per_cpu = group.read("cpuacct", "cpuacct.usage_percpu").split()
    return CpuTimes(
        taken_at_ns=now,
        total_ns=group.number("cpuacct", "cpuacct.usage") or 0,
        user_ns=ticks.get("user", 0) * TICK_NS,
        system_ns=ticks.get("system", 0) * TICK_NS,
        per_cpu_ns=tuple(map(int, per_cpu)),
        host_ns=host,
        periods=stat.get("nr_periods", 0),
        throttled_periods=stat.get("nr_throttled", 0),
        throttled_ns=stat.get("throttled_time", 0),
    )


def _host_ns(text: str) -> int:
    """Return the processor time of the host, as docker adds it up: the first eight numbers."""
    words = text.partition("\n")[0].split()[1:9]
    return sum(map(int, words)) * TICK_NS


def _read_memory(group: Group) -> MemoryUse:
    stat = parse_flat(group.read("memory", "memory.stat"))
    if group.is_unified:
        events = parse_flat(group.read("memory", "memory.events"))
        return MemoryUse(
            usage_bytes=group.number("memory", "memory.current") or 0,
            largest_bytes=group.number("memory", "memory.peak") or 0,
            failures=events.get("max", 0),
            private_bytes=stat.get("anon", 0),
            cache_bytes=stat.get("file", 0),
            stat=stat,
        )
    return MemoryUse(
        usage_bytes=group.number("memory", "memory.usage_in_bytes") or 0,
        largest_bytes=group.number("memory", "memory.max_usage_in_bytes") or 0,
        failures=group.number("memory", "memory.failcnt") or 0,
        private_bytes=stat.get("total_rss", 0),
        cache_bytes=stat.get("total_cache", 0),
        stat=stat,
    )


def parse_interfaces(text: str) -> tuple[InterfaceUse, ...]:
    """Return what /proc/net/dev says, but for the loopback interface."""
    found = []
    for line in text.splitlines():
        name, colon, numbers = line.partition(":")
        words = [name.strip(), *numbers.split()]
        if not colon or len(words) < _SENT + 4 or words[0] == "lo":
            continue
        received, sent = words[_RECEIVED : _RECEIVED + 4], words[_SENT : _SENT + 4]
        found.append(InterfaceUse(words[0], *map(int, received), *map(int, sent)))
    return tuple(found)


def _read_blocks(group: Group, legacy: str, unified: tuple[str, str]) -> tuple[BlockUse, ...]:
    if group.is_unified:
        return _unified_blocks(group.read("io", "io.stat"), unified)
    return _legacy_blocks(group.read("blkio", f"blkio.throttle.{legacy}_recursive"))


def _unified_blocks(text: str, keys: tuple[str, str]) -> tuple[BlockUse, ...]:
    found = []
    for device, *pairs in filter(None, map(str.split, text.splitlines())):
        values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for key, operation in zip(keys, ("read", "write"), strict=True):
            if values.get(key, "").isdecimal():
                found.append(_block(device, operation, values[key]))
    return tuple(found)


def _legacy_blocks(text: str) -> tuple[BlockUse, ...]:
    lines = [line.split() for line in text.splitlines()]
    return tuple(_block(line[0], line[1].lower(), line[2]) for line in lines if len(line) == 3)


def _block(device: str, operation: str, value: str) -> BlockUse:
    major, _, minor = device.partition(":")
    return BlockUse(int(major), int(minor), operation, int(value))
