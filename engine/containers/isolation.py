"""What a container does not get to see or to touch, and what it gets instead: docker's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.containers.surroundings import Surroundings
    from engine.settings import ContainerSettings

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READ_ONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}
NAMESPACES = ("mount", "network", "uts", "pid", "ipc", "cgroup")
# zero, null, urandom, random, tty, console; not fuse.
_DEVICES = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
_FUSE = (10, 229)


def masked_paths(settings: ContainerSettings) -> list[str]:
    """Return what the container sees empty."""
    if settings.privileged or settings.security.has_all_paths:
        return []
    return list(MASKED_PATHS if settings.masked_paths is None else settings.masked_paths)


def readonly_paths(settings: ContainerSettings) -> list[str]:
    """Return what the container cannot write although its file system can be written."""
    if settings.privileged or settings.security.has_all_paths:
        return []
    return list(READ_ONLY_PATHS if settings.readonly_paths is None else settings.readonly_paths)


def sysctls(settings: ContainerSettings) -> dict[str, str]:
    """Return the parameters of the kernel that hold in the container's namespaces."""
    found = {} if settings.network == "host" else dict(SYSCTLS)
    if settings.domainname:
        found["kernel.domainname"] = settings.domainname
    return {**found, **settings.sysctls}


def namespaces(
    settings: ContainerSettings, surroundings: Surroundings, *, has_cgroup: bool
) -> list[dict[str, str]]:
    """Return the namespaces that are the container's own, or joined by their path."""
    modes = {
        "network": settings.network,
        "uts": settings.uts_mode,
        "pid": settings.pid_mode,
        "ipc": settings.ipc_mode,
        "cgroup": settings.cgroup_mode if has_cgroup else "host",
    }
    return [
        {"type": each, "path": surroundings.joined[each]}
        if each in surroundings.joined
        else {"type": each}
        for each in NAMESPACES
        if modes.get(each) != "host"
    ]


def device_rules(settings: ContainerSettings, surroundings: Surroundings) -> list[dict[str, Any]]:
    """Return the device cgroup's rules: a few harmless devices, and what was asked for."""
    if settings.privileged:
        return [{"allow": True, "access": "rwm"}]
    allowed = [_device(major, minor, allow=True) for major, minor in _DEVICES]
    mine = [each.rule() for each in surroundings.devices]
    asked = [_parse_rule(each) for each in settings.device_cgroup_rules]
    refused = {"allow": False, "access": "rwm"}
    return [refused, *allowed, _device(*_FUSE, allow=False), *mine, *asked]


def _parse_rule(rule: str) -> dict[str, Any]:
    kind, numbers, access = rule.split()
    found: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    for name, number in zip(("major", "minor"), numbers.split(":"), strict=True):
        if number != "*":
            found[name] = int(number)
    return found


def _device(major: int, minor: int, *, allow: bool) -> dict[str, Any]:
    return {"allow": allow, "type": "c", "major": major, "minor": minor, "access": "rwm"}
