"""The routes of numbers: what a container uses, and what it changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.containers.telling import tell
from engine.dockerapi.answers import json_answer, stream_from
from engine.dockerapi.lines import json_line
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.versions import ApiVersion
from engine.dockerapi.words import NEVER, go_time
from engine.errors import ContainerNotFound, ContainerNotRunning
from engine.layers.diff import ChangeKind
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from aiohttp import web

    from engine.containers.record import ContainerRecord
    from engine.containers.stats import StatsSample
    from engine.containers.stats_details import (
        BlockUse,
        CpuTimes,
        InterfaceUse,
        MemoryUse,
        StatsDetails,
    )
    from engine.containers.top import Top
    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe
    from engine.layers.diff import Change

SECOND = 1.0
WITH_ONE_SHOT = ApiVersion(1, 41)
NO_LIMIT = 2**64 - 1
MOUNTED = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"})
KINDS = {ChangeKind.CHANGED: 0, ChangeKind.ADDED: 1, ChangeKind.DELETED: 2}


async def stats(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/stats`: once, or every second while the client listens."""
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    if not call.query.flag("stream", default=True):
        is_one_shot = call.version >= WITH_ONE_SHOT and call.query.flag("one-shot")
        return json_answer(await _once(call, record, is_one_shot=is_one_shot))

    def write(pipe: Pipe) -> None:
        before = empty_sample(record)
        while not pipe.is_abandoned:
            current = _sample(call, record)
            if current is None:
                return
            pipe.put(json_line(_with_before(current, before)))
            before = current
            pipe.wait_abandoned(SECOND)

    return await stream_from(call, write)


async def _once(call: Call, record: ContainerRecord, *, is_one_shot: bool) -> dict[str, Any]:
    before = None
    if not is_one_shot and record.is_running:
        before = await call.pools.quick(_sample, call, record)
        await asyncio.sleep(SECOND)
    current = await call.pools.quick(_sample, call, record)
    return _with_before(current or empty_sample(record), before or empty_sample(record))


def _sample(call: Call, record: ContainerRecord) -> dict[str, Any] | None:
    """Return what the container uses now, nothing while it does not run, None once it is gone."""
    try:
        return stats_details(record, call.engine.containers.stats(record.id))
    except ContainerNotRunning:
        return empty_sample(record)
    except ContainerNotFound:
        return None


def _with_before(current: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {**current, "preread": before["read"], "precpu_stats": before["cpu_stats"]}


def empty_sample(record: ContainerRecord) -> dict[str, Any]:
    """Return what docker says of a container that does not run."""
    cpu = {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    return {
        "read": NEVER,
        "preread": NEVER,
        "pids_stats": {},
        "blkio_stats": dict.fromkeys(_BLOCK_STATS),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu,
        "precpu_stats": cpu,
        "memory_stats": {},
        "name": f"/{record.name}",
        "id": record.id,
    }


_BLOCK_STATS = (
    "io_service_bytes_recursive",
    "io_serviced_recursive",
    "io_queue_recursive",
    "io_service_time_recursive",
    "io_wait_time_recursive",
    "io_merged_recursive",
    "io_time_recursive",
    "sectors_recursive",
)


def stats_details(record: ContainerRecord, sample: StatsSample) -> dict[str, Any]:
    """Return *sample* in docker's JSON."""
    details = sample.details
    assert details is not None
    shape = {
        **empty_sample(record),
        "read": go_time(SYSTEM_CLOCK.now()),
        "pids_stats": {"current": sample.pids, "limit": details.pids_limit or NO_LIMIT},
        "blkio_stats": _block_stats(details),
        "cpu_stats": _processor(details.cpu, details.online_cpus),
        "memory_stats": _memory(details.memory, sample.memory_limit),
    }
    if details.networks:
        shape["networks"] = {
            each.name: _interface(each) for each in details.networks if each.name != "lo"
        }
    return shape


def _block_stats(details: StatsDetails) -> dict[str, Any]:
    # What the second layout of control groups does not count is null, what is 0 in the first empty.
    nothing: list[Any] | None = [] if details.cpu.per_cpu_ns else None
    return {
        **dict.fromkeys(_BLOCK_STATS, nothing),
        "io_service_bytes_recursive": [_block(each) for each in details.block_bytes] or nothing,
        "io_serviced_recursive": [_block(each) for each in details.block_times] or nothing,
    }


def _processor(cpu: CpuTimes, online: int) -> dict[str, Any]:
    return {
        "cpu_usage": {
            "total_usage": cpu.total_ns,
            **({"percpu_usage": list(cpu.per_cpu_ns)} if cpu.per_cpu_ns else {}),
            "usage_in_kernelmode": cpu.system_ns,
            "usage_in_usermode": cpu.user_ns,
        },
        "system_cpu_usage": cpu.host_ns,
        "online_cpus": online,
        "throttling_data": {
            "periods": cpu.periods,
            "throttled_periods": cpu.throttled_periods,
            "throttled_time": cpu.throttled_ns,
        },
    }


def _memory(memory: MemoryUse, limit: int) -> dict[str, Any]:
    return {
        "usage": memory.usage_bytes,
        "max_usage": memory.largest_bytes,
        "stats": dict(memory.stat),
        **({"failcnt": memory.failures} if memory.failures else {}),
        "limit": limit,
    }


def _block(use: BlockUse) -> dict[str, Any]:
    return {"major": use.major, "minor": use.minor, "op": use.operation, "value": use.value}


def _interface(use: InterfaceUse) -> dict[str, int]:
    return {
        "rx_bytes": use.received_bytes,
        "rx_packets": use.received_packets,
        "rx_errors": use.received_errors,
        "rx_dropped": use.received_dropped,
        "tx_bytes": use.sent_bytes,
        "tx_packets": use.sent_packets,
        "tx_errors": use.sent_errors,
        "tx_dropped": use.sent_dropped,
    }


async def top(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/top`."""
    arguments = call.query.text("ps_args")

    def look() -> Top:
        found = call.engine.containers.top(call["id"], arguments)
        tell(call.engine.events, "top", call.engine.containers.get(call["id"]))
        return found

    try:
        found = await call.pools.long(look)
    except ContainerNotRunning as error:
        record = await call.pools.quick(call.engine.containers.get, call["id"])
        raise Refusal(409, f"Container {record.id} is not running") from error
    return json_answer({"Titles": list(found.titles), "Processes": [list(r) for r in found.rows]})


async def changes(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/changes`."""

    def look() -> list[dict[str, Any]] | None:
        found = call.engine.containers.iter_changes(call["id"])
        shown = sorted((each.path, KINDS[each.kind]) for each in found if not _is_ours(each))
        return [{"Path": path, "Kind": kind} for path, kind in shown] or None

    return json_answer(await call.pools.long(look))


def _is_ours(change: Change) -> bool:
    """Whether it is a place that the engine made to mount something of its own there."""
    return change.kind is ChangeKind.ADDED and change.size == 0 and change.path in MOUNTED


ROUTES = (
    Route("GET", "/containers/{id}/stats", stats),
    Route("GET", "/containers/{id}/top", top),
    Route("GET", "/containers/{id}/changes", changes),
)
