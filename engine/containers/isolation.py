"""What a container does not get to see or to touch, and what it gets instead: docker's defaults."""

from __future__ import annotations

from typing import Any

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
SHM = "/dev/shm"  # noqa: S108  (inside the container)
SHM_BYTES = 64 * 1024 * 1024
# zero, null, urandom, random, tty, console; not fuse.
_DEVICES = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
_FUSE = (10, 229)
_CLOSED = ("nosuid", "noexec", "nodev")


def default_mounts() -> list[dict[str, Any]]:
    """Return the file systems of the kernel that every container has."""
    return [
        _mount("/proc", "proc", "proc", *_CLOSED),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            *("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        _mount("/sys", "sysfs", "sysfs", *_CLOSED, "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *_CLOSED),
        _mount("/dev/mqueue", "mqueue", "mqueue", *_CLOSED),
        _mount(SHM, "tmpfs", "shm", *_CLOSED, "mode=1777", f"size={SHM_BYTES}"),
    ]


def bind_mount(source: str, destination: str, *, is_read_only: bool = False) -> dict[str, Any]:
    """Return the mount that shows *source* of the host at *destination*."""
    access = ("ro",) if is_read_only else ()
    return _mount(destination, "bind", source, "rbind", "rprivate", *access)


def device_rules() -> list[dict[str, Any]]:
    """Return the device cgroup's rules: nothing but a few harmless character devices."""
    allowed = [_device(major, minor, allow=True) for major, minor in _DEVICES]
    return [{"allow": False, "access": "rwm"}, *allowed, _device(*_FUSE, allow=False)]


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _device(major: int, minor: int, *, allow: bool) -> dict[str, Any]:
    return {"allow": allow, "type": "c", "major": major, "minor": minor, "access": "rwm"}
