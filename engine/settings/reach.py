"""
What of a container's settings reaches beyond the container, into its host.

Whoever may choose one of these is root on the host if they want to be, or can harm those who share
it; whoever may not is kept to what docker grants by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.settings.capabilities import DEFAULT_CAPABILITIES, canonical_capability
from engine.settings.mounts import MountKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.settings.container import ContainerSettings
    from engine.settings.mounts import MountPoint


def reach_of(settings: ContainerSettings) -> tuple[str, ...]:
    """Return the names of those settings that reach into the host, in the order of their danger."""
    return tuple(name for name, reaches in _REACHES.items() if reaches(settings))


def _adds_capabilities(settings: ContainerSettings) -> bool:
    return bool({canonical_capability(each) for each in settings.cap_add} - _ORDINARY)


def _weakens_profiles(settings: ContainerSettings) -> bool:
    told = settings.security
    return bool(told.seccomp or told.apparmor or told.labels or told.has_all_paths)


def _is_of_the_host(mount: MountPoint) -> bool:
    # A volume's options are what mount(8) takes: they can name a directory or a disk of the host.
    return mount.kind is MountKind.BIND or bool(mount.driver_options)


def _is_shared(mode: str) -> bool:
    # What is another container's may in turn be the host's.
    return mode == "host" or mode.startswith("container:")


_ORDINARY = frozenset(DEFAULT_CAPABILITIES)
_REACHES: dict[str, Callable[[ContainerSettings], bool]] = {
    "privileged": lambda told: told.privileged,
    "mounts": lambda told: any(_is_of_the_host(each) for each in told.mounts),
    "volumes_from": lambda told: bool(told.volumes_from),
    "devices": lambda told: bool(told.devices),
    "device_cgroup_rules": lambda told: bool(told.device_cgroup_rules),
    "cap_add": _adds_capabilities,
    "security_opt": _weakens_profiles,
    "masked_paths": lambda told: told.masked_paths is not None,
    "readonly_paths": lambda told: told.readonly_paths is not None,
    "pid_mode": lambda told: _is_shared(told.pid_mode),
    "ipc_mode": lambda told: _is_shared(told.ipc_mode),
    "network": lambda told: _is_shared(told.network),
    "uts_mode": lambda told: _is_shared(told.uts_mode),
    "cgroup_mode": lambda told: told.cgroup_mode == "host",
    "cgroup_parent": lambda told: bool(told.cgroup_parent),
    "runtime": lambda told: bool(told.runtime),
    # The runtimes act on some of them, crun's hooks for example.
    "annotations": lambda told: bool(told.annotations),
    "oom_score_adj": lambda told: told.oom_score_adj < 0,
    "oom_kill_disable": lambda told: told.oom_kill_disable,
}
