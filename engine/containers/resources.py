"""
What limits a container, as the runtime is told, and what of it this host cannot do. Pure.

A limit that the kernel has no control for is left out and warned of, in docker's words; it never
keeps a container from running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.networks.record import HOST
from engine.settings.resources import NANO, RATES
from engine.settings.security import DISABLE, UNCONFINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.settings import ContainerSettings
    from engine.system.host import HostFacts

CPU_PERIOD = 100_000
SWAP_FACTOR = 2
LACKS = "Your kernel does not support {} or the cgroup is not mounted. {} discarded."
_MEMORY = LACKS.format("memory limit capabilities", "Limitation")
_SWAP = (
    "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
    "Memory limited without swap."
)
_DANGEROUS = (
    "OOM killer is disabled for the container, but no memory limit is set, "
    "this can result in the system running out of resources."
)
# The control, the settings that need it, and what is said where the kernel does not have it.
_WARNINGS = (
    ("memory", ("memory_bytes",), _MEMORY),
    (
        "memory_swappiness",
        ("memory_swappiness",),
        LACKS.format("memory swappiness capabilities", "Memory swappiness"),
    ),
    (
        "memory_reservation",
        ("memory_reservation",),
        LACKS.format("memory soft limit capabilities", "Limitation"),
    ),
    (
        "oom_kill_disable",
        ("oom_kill_disable",),
        "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ),
    ("pids_limit", ("pids_limit",), LACKS.format("PIDs limit capabilities", "PIDs limit")),
    ("cpu_shares", ("cpu_shares",), LACKS.format("CPU shares", "Shares")),
    ("cpu_quota", ("cpu_quota",), LACKS.format("CPU CFS scheduler", "Quota")),
    ("cpu_quota", ("cpu_period",), LACKS.format("CPU CFS scheduler", "Period")),
    ("cpuset", ("cpuset_cpus", "cpuset_mems"), LACKS.format("cpuset", "Cpuset")),
    ("blkio_weight", ("blkio_weight",), LACKS.format("Block I/O weight", "Weight")),
    (
        "blkio_weight_device",
        ("blkio_weight_device",),
        LACKS.format("Block I/O weight_device", "Weight-device"),
    ),
    *(
        ("blkio_rates", (name,), LACKS.format(f"{words} limit", f"{words} limit"))
        for name, words in (
            ("device_read_bps", "BPS Block I/O read"),
            ("device_write_bps", "BPS Block I/O write"),
            ("device_read_iops", "IOPS Block read"),
            ("device_write_iops", "IOPS Block write"),
        )
    ),
)
_THROTTLES = {
    "device_read_bps": "throttleReadBpsDevice",
    "device_write_bps": "throttleWriteBpsDevice",
    "device_read_iops": "throttleReadIOPSDevice",
    "device_write_iops": "throttleWriteIOPSDevice",
}
Numbers = tuple[int, int]


def check_against_host(host: HostFacts, settings: ContainerSettings) -> None:
    """Raise `InvalidSetting` where the settings ask for more than the host has."""
    if settings.nano_cpus > host.cpus * NANO:
        raise InvalidSetting(
            "nano_cpus",
            f"Range of CPUs is from 0.01 to {host.cpus}.00, "
            f"as there are only {host.cpus} CPUs available",
        )
    for name in _processors(settings.cpuset_cpus):
        if name >= host.cpus:
            raise InvalidSetting(
                "cpuset_cpus",
                f"Requested CPUs are not available - requested {settings.cpuset_cpus}, "
                f"available: 0-{host.cpus - 1}",
            )


def _processors(text: str) -> Iterator[int]:
    for piece in filter(None, text.split(",")):
        yield int(piece.rpartition("-")[2])


def warnings(host: HostFacts, settings: ContainerSettings) -> tuple[str, ...]:
    """Return what docker says at creation of limits that this host cannot keep."""
    found = [
        words
        for control, names, words in _WARNINGS
        if control in host.missing and any(getattr(settings, name) for name in names)
    ]
    if settings.memory_bytes and not host.has_swap_limit and settings.memory_swap != -1:
        found.append(_SWAP)
    if settings.oom_kill_disable and not settings.memory_bytes:
        found.append(_DANGEROUS)
    if settings.network == HOST and (settings.publish or settings.publish_all):
        found.append("Published ports are discarded when using host network mode")
    return (*found, *_unconfined(host, settings), *_clamped(host, settings))


def _unconfined(host: HostFacts, settings: ContainerSettings) -> Iterator[str]:
    security = settings.security
    if security.apparmor not in {"", UNCONFINED} and not host.has_apparmor:
        yield "Your kernel does not support AppArmor or it is off. Profile discarded."
    if set(security.labels) - {DISABLE}:
        yield "SELinux labels are not supported by this engine. Label discarded."


def _clamped(host: HostFacts, settings: ContainerSettings) -> Iterator[str]:
    for each in settings.ulimits:
        limit = host.hard_limit(each.name)
        if limit != -1 and (each.hard > limit or each.hard == -1):
            yield f"The ulimit {each.name} is lowered to {limit}, the most this host may give."


def runtime_resources(
    settings: ContainerSettings, host: HostFacts, numbers: Mapping[str, Numbers] | None = None
) -> dict[str, Any]:
    """
    Return the limits of a runtime spec (config-linux.md, "resources") without devices.

    *numbers* are those of the block devices that the settings name.
    """
    found = {
        "memory": _memory(settings, host),
        "cpu": _cpu(settings, host),
        "pids": _pids(settings, host),
        "blockIO": _blocks(settings, host, numbers or {}),
    }
    return {name: value for name, value in found.items() if value}


def _memory(settings: ContainerSettings, host: HostFacts) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    if settings.memory_bytes and "memory" not in host.missing:
        memory["limit"] = settings.memory_bytes
    if memory and host.has_swap_limit:
        # As docker does: as much swap again as memory.
        memory["swap"] = settings.memory_swap or SWAP_FACTOR * settings.memory_bytes
    elif settings.memory_swap == -1 and host.has_swap_limit:
        memory["swap"] = -1
    if settings.memory_reservation and "memory_reservation" not in host.missing:
        memory["reservation"] = settings.memory_reservation
    if settings.memory_swappiness is not None and "memory_swappiness" not in host.missing:
        memory["swappiness"] = settings.memory_swappiness
    if settings.oom_kill_disable and "oom_kill_disable" not in host.missing:
        memory["disableOOMKiller"] = True
    return memory


def _cpu(settings: ContainerSettings, host: HostFacts) -> dict[str, Any]:
    cpu: dict[str, Any] = {}
    if settings.cpu_shares and "cpu_shares" not in host.missing:
        cpu["shares"] = settings.cpu_shares
    if "cpu_quota" not in host.missing:
        cpu.update(_quota(settings))
    if "cpuset" not in host.missing:
        cpu.update({"cpus": settings.cpuset_cpus} if settings.cpuset_cpus else {})
        cpu.update({"mems": settings.cpuset_mems} if settings.cpuset_mems else {})
    return cpu


def _quota(settings: ContainerSettings) -> dict[str, int]:
    if settings.nano_cpus:
        return {"quota": settings.nano_cpus * CPU_PERIOD // NANO, "period": CPU_PERIOD}
    quota = {"quota": settings.cpu_quota} if settings.cpu_quota else {}
    return {**quota, "period": settings.cpu_period} if settings.cpu_period else quota


def _pids(settings: ContainerSettings, host: HostFacts) -> dict[str, Any]:
    if not settings.pids_limit or "pids_limit" in host.missing:
        return {}
    return {"limit": settings.pids_limit}


def _blocks(
    settings: ContainerSettings, host: HostFacts, numbers: Mapping[str, Numbers]
) -> dict[str, Any]:
    blocks: dict[str, Any] = {}
    if settings.blkio_weight and "blkio_weight" not in host.missing:
        blocks["weight"] = settings.blkio_weight
    if settings.blkio_weight_device and "blkio_weight_device" not in host.missing:
        blocks["weightDevice"] = [
            {**_numbered(each.path, numbers), "weight": each.weight}
            for each in settings.blkio_weight_device
        ]
    for name in RATES if "blkio_rates" not in host.missing else ():
        if rates := getattr(settings, name):
            blocks[_THROTTLES[name]] = [
                {**_numbered(each.path, numbers), "rate": each.rate} for each in rates
            ]
    return blocks


def _numbered(path: str, numbers: Mapping[str, Numbers]) -> dict[str, int]:
    major, minor = numbers[path]
    return {"major": major, "minor": minor}
