"""The mounts of a container in a runtime spec, with docker's order and options. Pure."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings import MountKind, MountPoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from engine.containers.surroundings import Surroundings
    from engine.settings import ContainerSettings

Entry = dict[str, Any]
SHM = "/dev/shm"  # noqa: S108  (inside the container)
SHM_BYTES = 64 * 1024 * 1024
INIT = "/sbin/docker-init"
_CLOSED = ("nosuid", "noexec", "nodev")
# What stays writable under a root that is read-only.
_KEPT_WRITABLE = frozenset({"/proc", "/dev", "/dev/pts", SHM, "/dev/mqueue"})
_OPPOSITES = {
    "rw": "ro",
    "ro": "ro",
    "suid": "suid",
    "nosuid": "suid",
    "dev": "dev",
    "nodev": "dev",
    "exec": "exec",
    "noexec": "exec",
    "sync": "sync",
    "async": "sync",
    "atime": "atime",
    "noatime": "atime",
    "diratime": "diratime",
    "nodiratime": "diratime",
    "relatime": "relatime",
    "norelatime": "relatime",
    "strictatime": "strictatime",
    "nostrictatime": "strictatime",
    "private": "propagation",
    "rprivate": "propagation",
    "slave": "propagation",
    "rslave": "propagation",
    "shared": "propagation",
    "rshared": "propagation",
}
_TMPFS_DATA = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})


def spec_mounts(
    settings: ContainerSettings, surroundings: Surroundings, etc: Mapping[str, Path]
) -> list[Entry]:
    """Return everything that is mounted over the root, lower places before what lies in them."""
    files = [bind_mount(str(source), path) for path, source in etc.items()]
    shm = [_shm(settings, surroundings)] if settings.ipc_mode != "none" else []
    own = [*surroundings.mounts, *map(tmpfs_mount, _tmpfs(settings))]
    targets = {each["destination"] for each in own}
    files = [each for each in files if each["destination"] not in targets]
    shm = [each for each in shm if each["destination"] not in targets]
    init = [bind_mount(str(surroundings.init), INIT, "ro")] if surroundings.init else []
    kernel = _kept(_kernel_mounts(settings), targets)
    bound = [each for each in shm if each["type"] == "bind"]
    memory = [each for each in shm if each not in bound]
    mounts = [*kernel, *memory, *sorted([*files, *bound, *own], key=_depth), *init]
    return [_protected(each, settings, targets) for each in mounts]


def _kernel_mounts(settings: ContainerSettings) -> list[Entry]:
    access = () if settings.privileged else ("ro",)
    return [
        _mount("/proc", "proc", "proc", *_CLOSED),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            *("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        _mount("/sys", "sysfs", "sysfs", *_CLOSED, *access),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *access, *_CLOSED),
        _mount("/dev/mqueue", "mqueue", "mqueue", *_CLOSED),
    ]


def _shm(settings: ContainerSettings, surroundings: Surroundings) -> Entry:
    if settings.ipc_mode == "host":
        return bind_mount(SHM, SHM)
    if surroundings.shm is not None:
        return bind_mount(str(surroundings.shm), SHM)
    size = settings.shm_size or SHM_BYTES
    return _mount(SHM, "tmpfs", "shm", *_CLOSED, "mode=1777", f"size={size}")


def _kept(mounts: list[Entry], targets: set[str]) -> Iterator[Entry]:
    """Yield what the container's own mounts do not stand in for."""
    for each in mounts:
        place = each["destination"]
        if place not in targets and not ("/dev" in targets and place.startswith("/dev/")):
            yield each


def _tmpfs(settings: ContainerSettings) -> Iterable[MountPoint]:
    return (each for each in settings.mounts if each.kind is MountKind.TMPFS)


def tmpfs_mount(mount: MountPoint) -> Entry:
    """Return a file system in memory; raise `InvalidSetting` for options that it does not have."""
    options = ["noexec", "nosuid", "nodev", "rprivate", *mount.options]
    if mount.size:
        options.append(f"size={mount.size}")
    if mount.mode is not None:
        options.append(f"mode={mount.mode:o}")
    if mount.read_only:
        options.append("ro")
    return _mount(posixpath.normpath(mount.target), "tmpfs", "tmpfs", *merged_options(options))


def merged_options(options: Iterable[str]) -> tuple[str, ...]:
    """Return *options* without those that a later one contradicts or repeats."""
    kept: dict[str, str] = {}
    for option in options:
        key = _OPPOSITES.get(option) or _data_key(option)
        kept.pop(key, None)
        kept[key] = option
    return tuple(kept.values())


def _data_key(option: str) -> str:
    key, equals, value = option.partition("=")
    if key not in _TMPFS_DATA or not equals or not value:
        raise InvalidSetting("mounts", f'invalid tmpfs option ["{option[:60]}"]')
    return key


def _protected(mount: Entry, settings: ContainerSettings, targets: set[str]) -> Entry:
    place, options = mount["destination"], mount["options"]
    is_free = place in _KEPT_WRITABLE or place in targets or "ro" in options
    if not settings.read_only or is_free:
        return mount
    return {**mount, "options": [*options, "ro"]}


def _depth(mount: Entry) -> int:
    return len([part for part in mount["destination"].split("/") if part])


def bind_mount(source: str, destination: str, *options: str) -> Entry:
    """Return the mount that shows *source* of the host at *destination*."""
    return _mount(destination, "bind", source, "rbind", "rprivate", *options)


def _mount(destination: str, kind: str, source: str, *options: str) -> Entry:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}
