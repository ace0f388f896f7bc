"""The routes of numbers: what a container uses, and what it changed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer, stream_from
from engine.dockerapi.lines import json_line
from engine.dockerapi.routing import Route
from engine.dockerapi.words import NEVER, go_time
from engine.errors import ContainerNotFound, ContainerNotRunning
from engine.layers.diff import ChangeKind
from engine.system.clock import SYSTEM_CLOCK
from engine.system.host import probe_host

if TYPE_CHECKING:
    from aiohttp import web

    from engine.containers.record import ContainerRecord
    from engine.containers.stats import StatsSample
    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe

SECOND = 1.0
TICK_NS = 10_000_000
CPU_TIMES = Path("/proc/stat")
KINDS = {ChangeKind.CHANGED: 0, ChangeKind.ADDED: 1, ChangeKind.DELETED: 2}


async def stats(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/stats`: once, or every second while the client listens."""
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    if not call.query.flag("stream", default=True):
        is_one_shot = call.query.flag("one-shot")
        return json_answer(await call.pools.long(_once, call, record, is_one_shot=is_one_shot))

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


def _once(call: Call, record: ContainerRecord, *, is_one_shot: bool) -> dict[str, Any]:
    before = empty_sample(record)
    if not is_one_shot and record.is_running:
        before = _sample(call, record) or before
        time.sleep(SECOND)
    return _with_before(_sample(call, record) or empty_sample(record), before)


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
    transfers = (("read", sample.read_bytes), ("write", sample.written_bytes))
    return {
        **empty_sample(record),
        "read": go_time(SYSTEM_CLOCK.now()),
        "pids_stats": {"current": sample.pids, "limit": _pids_limit(record)},
        "blkio_stats": {
            **dict.fromkeys(_BLOCK_STATS),
            "io_service_bytes_recursive": [
                {"major": 0, "minor": 0, "op": name, "value": value} for name, value in transfers
            ],
        },
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": sample.cpu_ns,
                "usage_in_kernelmode": 0,
                "usage_in_usermode": sample.cpu_ns,
            },
            "system_cpu_usage": system_cpu_ns(),
            "online_cpus": probe_host().cpus,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        },
        # What can be dropped at once is taken off already, so clients have nothing to take off.
        "memory_stats": {
            "usage": sample.memory_bytes,
            "stats": {"inactive_file": 0},
            "limit": sample.memory_limit,
        },
    }


def _pids_limit(record: ContainerRecord) -> int:
    limit = record.settings.pids_limit
    return limit if limit > 0 else 2**64 - 1


def system_cpu_ns(path: Path = CPU_TIMES) -> int:
    """Return the time that all processors of the host have spent, busy or idle."""
    words = path.read_text().split("\n", 1)[0].split()[1:8]
    return sum(map(int, words)) * TICK_NS


async def changes(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/changes`."""

    def look() -> list[dict[str, Any]] | None:
        found = call.engine.containers.iter_changes(call["id"])
        return [{"Path": each.path, "Kind": KINDS[each.kind]} for each in found] or None

    return json_answer(await call.pools.long(look))


ROUTES = (
    Route("GET", "/containers/{id}/stats", stats),
    Route("GET", "/containers/{id}/changes", changes),
)
