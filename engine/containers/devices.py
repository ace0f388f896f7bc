"""The devices of the host that a container is given, looked up under /dev."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings.resources import RATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.settings import ContainerSettings, DeviceMapping

DEV = Path("/dev")
# What has a file system or a place of its own in every container.
_SKIPPED_DIRECTORIES = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"})
_SKIPPED = frozenset({"/dev/console"})
NO_NODE = "not a device node"
MAX_DEVICES = 10_000


@dataclass(frozen=True, slots=True)
class Device:
    """One device as the container has it; *access* is what its control group may do with it."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int
    gid: int
    access: str = "rwm"

    def node(self) -> dict[str, Any]:
        """Return the device file of a runtime spec."""
        return {
            "path": self.path,
            "type": self.kind,
            "major": self.major,
            "minor": self.minor,
            "fileMode": self.mode,
            "uid": self.uid,
            "gid": self.gid,
        }

    def rule(self) -> dict[str, Any]:
        """Return the device control group's rule of a runtime spec."""
        return {
            "allow": True,
            "type": self.kind,
            "major": self.major,
            "minor": self.minor,
            "access": self.access,
        }


def find_devices(settings: ContainerSettings) -> tuple[Device, ...]:
    """
    Return the devices that the settings ask for; all of the host's for a privileged container.

    Raises `InvalidSetting` for a path that is no device.
    """
    if settings.privileged:
        return tuple(_in_directory(DEV, "/dev", "rwm"))
    return tuple(device for each in settings.devices for device in _mapped(each))


def block_numbers(settings: ContainerSettings) -> dict[str, tuple[int, int]]:
    """Return the numbers of the block devices whose use the settings limit."""
    paths = [each.path for each in settings.blkio_weight_device]
    paths += [each.path for name in RATES for each in getattr(settings, name)]
    return {path: _numbers(path) for path in paths}


def _mapped(mapping: DeviceMapping) -> Iterator[Device]:
    path = Path(mapping.host_path)
    try:
        status = path.stat()
    except OSError as error:
        raise _no_device(mapping.host_path, "no such file or directory") from error
    if stat.S_ISDIR(status.st_mode):
        found = list(_in_directory(path, mapping.target, mapping.permissions))
        if not found:
            raise _no_device(mapping.host_path, NO_NODE)
        yield from found
    else:
        device = _device(mapping.target, status, mapping.permissions)
        if device is None:
            raise _no_device(mapping.host_path, NO_NODE)
        yield device


def _in_directory(directory: Path, target: str, access: str) -> Iterator[Device]:
    for found, entry in enumerate(sorted(os.scandir(directory), key=lambda each: each.name)):
        if found > MAX_DEVICES:
            raise InvalidSetting("devices", f"{directory} holds more than {MAX_DEVICES} devices")
        place = posixpath.join(target, entry.name)
        if entry.is_symlink() or place in _SKIPPED:
            continue
        if entry.is_dir():
            if entry.name not in _SKIPPED_DIRECTORIES:
                yield from _in_directory(Path(entry.path), place, access)
        elif (device := _device(place, entry.stat(), access)) is not None:
            yield device


def _device(path: str, status: os.stat_result, access: str) -> Device | None:
    if stat.S_ISCHR(status.st_mode):
        kind = "c"
    elif stat.S_ISBLK(status.st_mode):
        kind = "b"
    else:
        return None
    return Device(
        path=path,
        kind=kind,
        major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        access=access,
    )


def _numbers(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError as error:
        reason = f"stat {path[:80]}: {os.strerror(error.errno or 0).lower()}"
        raise InvalidSetting("device_rates", reason) from error
    return os.major(status.st_rdev), os.minor(status.st_rdev)


def _no_device(path: str, reason: str) -> InvalidSetting:
    return InvalidSetting(
        "devices",
        f'error gathering device information while adding custom device "{path[:120]}": {reason}',
    )
