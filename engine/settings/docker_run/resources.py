"""Limits and devices, as flags say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings.docker_run.amounts import parse_bytes, parse_cpus, parse_number
from engine.settings.resources import RATES, DeviceRate, DeviceWeight, Ulimit
from engine.settings.security import DeviceMapping

if TYPE_CHECKING:
    from engine.settings.docker_run.flags import Given

_BYTES = {
    "memory": "memory_bytes",
    "memory-reservation": "memory_reservation",
    "shm-size": "shm_size",
}
_NUMBERS = {
    "oom-score-adj": "oom_score_adj",
    "cpu-shares": "cpu_shares",
    "cpu-period": "cpu_period",
    "cpu-quota": "cpu_quota",
    "pids-limit": "pids_limit",
    "blkio-weight": "blkio_weight",
}
_TEXTS = {
    "cpuset-cpus": "cpuset_cpus",
    "cpuset-mems": "cpuset_mems",
    "cgroup-parent": "cgroup_parent",
}


def read_resources(given: Given) -> dict[str, Any]:
    """Return the limits and devices that a line asks for."""
    return {
        **{field: parse_bytes(field, given.last(flag, "0")) for flag, field in _BYTES.items()},
        **{field: parse_number(field, given.last(flag, "0")) for flag, field in _NUMBERS.items()},
        **{field: given.last(flag) for flag, field in _TEXTS.items()},
        **{name: tuple(_rates(given, name)) for name in RATES},
        "memory_swap": _swap(given.last("memory-swap", "0")),
        "memory_swappiness": _swappiness(given.last("memory-swappiness", "-1")),
        "oom_kill_disable": given.is_on("oom-kill-disable"),
        "nano_cpus": parse_cpus(given.last("cpus", "0")),
        "ulimits": tuple(map(read_ulimit, given.all("ulimit"))),
        "blkio_weight_device": tuple(map(_weight, given.all("blkio-weight-device"))),
        "devices": tuple(map(read_device, given.all("device"))),
        "device_cgroup_rules": given.all("device-cgroup-rule"),
    }


def _swap(text: str) -> int:
    return -1 if text == "-1" else parse_bytes("memory_swap", text)


def _swappiness(text: str) -> int | None:
    number = parse_number("memory_swappiness", text)
    return None if number == -1 else number


def _rates(given: Given, name: str) -> list[DeviceRate]:
    parse = parse_bytes if name.endswith("bps") else parse_number
    found = []
    for text in given.all(name.replace("_", "-")):
        path, colon, rate = text.rpartition(":")
        if not colon:
            raise InvalidSetting(name, f"bad format: {text[:80]}", remedy="Write /dev/NAME:RATE.")
        found.append(DeviceRate(path, parse(name, rate)))
    return found


def _weight(text: str) -> DeviceWeight:
    path, colon, weight = text.rpartition(":")
    if not colon:
        raise InvalidSetting("blkio_weight_device", f"bad format: {text[:80]}")
    return DeviceWeight(path, parse_number("blkio_weight_device", weight))


def read_ulimit(text: str) -> Ulimit:
    """Return the limit of `--ulimit NAME=SOFT[:HARD]`."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise InvalidSetting("ulimits", f"invalid ulimit argument: {text[:80]}")
    soft, colon, hard = limits.partition(":")
    first = parse_number("ulimits", soft)
    return Ulimit(name, first, parse_number("ulimits", hard) if colon else first)


def read_device(text: str) -> DeviceMapping:
    """Return the device of `--device HOST[:CONTAINER][:PERMISSIONS]`."""
    parts = text.split(":")
    if len(parts) > 3:
        raise InvalidSetting("devices", f"invalid device specification: {text[:80]}")
    host, *rest = parts
    permissions = "rwm"
    if rest and rest[-1] and not set(rest[-1]) - set("rwm"):
        permissions = rest.pop()
    return DeviceMapping(host, rest[0] if rest else "", permissions)
