"""
The runtime spec of a container (runtime-spec config.md), made of values alone.

Equal inputs give equal specs; nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.containers.capabilities import DEFAULT_CAPABILITIES, capability_sets
from engine.containers.isolation import (
    MASKED_PATHS,
    READ_ONLY_PATHS,
    SYSCTLS,
    bind_mount,
    default_mounts,
    device_rules,
)
from engine.containers.process import with_home
from engine.containers.seccomp import seccomp_profile

if TYPE_CHECKING:
    from engine.containers.bundle import Bundle
    from engine.containers.process import Process
    from engine.containers.users import Identity
    from engine.settings import ContainerSettings
    from engine.system.host import HostFacts

VERSION = "1.0.2"
CPU_PERIOD = 100_000
NANO = 1_000_000_000
OPEN_FILES = 1_048_576
NAMESPACES = ("mount", "network", "uts", "pid", "ipc")


@dataclass(frozen=True, slots=True)
class SpecInputs:
    """All that a runtime spec is made of."""

    bundle: Bundle
    settings: ContainerSettings
    process: Process
    identity: Identity
    hostname: str
    host: HostFacts


def runtime_spec(inputs: SpecInputs) -> dict[str, Any]:
    """Return the spec of one start of a container."""
    etc = [bind_mount(str(source), path) for path, source in inputs.bundle.etc.items()]
    return {
        "ociVersion": VERSION,
        "process": _process(inputs),
        "root": {
            "path": str(inputs.bundle.rootfs),
            "readonly": inputs.settings.read_only,
        },
        "hostname": inputs.hostname,
        "mounts": [*default_mounts(), *etc],
        "linux": _linux(inputs),
    }


def _process(inputs: SpecInputs) -> dict[str, Any]:
    process, identity, host = inputs.process, inputs.identity, inputs.host
    files = min(OPEN_FILES, host.open_files)
    return {
        "terminal": process.tty,
        "user": {
            "uid": identity.uid,
            "gid": identity.gid,
            "additionalGids": list(identity.groups or (identity.gid,)),
        },
        "args": list(process.arguments),
        "env": list(with_home(process.env, identity.home)),
        "cwd": process.working_dir,
        "capabilities": capability_sets(DEFAULT_CAPABILITIES, is_root=identity.uid == 0),
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": files, "soft": files}],
        "noNewPrivileges": False,
        "oomScoreAdj": host.oom_score,
    }


def _linux(inputs: SpecInputs) -> dict[str, Any]:
    host = inputs.host
    namespaces = (*NAMESPACES, *(("cgroup",) if host.has_cgroup_namespace else ()))
    linux: dict[str, Any] = {
        "sysctl": dict(SYSCTLS),
        "resources": _resources(inputs.settings, host),
        "cgroupsPath": inputs.bundle.cgroup,
        "namespaces": [{"type": each} for each in namespaces],
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READ_ONLY_PATHS),
        "rootfsPropagation": "private",
    }
    profile = seccomp_profile(
        DEFAULT_CAPABILITIES, architecture=host.architecture, kernel=host.kernel
    )
    if profile is not None:
        linux["seccomp"] = profile
    return linux


def _resources(settings: ContainerSettings, host: HostFacts) -> dict[str, Any]:
    resources: dict[str, Any] = {"devices": device_rules()}
    if settings.memory_bytes:
        resources["memory"] = _memory(settings.memory_bytes, host)
    if settings.nano_cpus:
        quota = settings.nano_cpus * CPU_PERIOD // NANO
        resources["cpu"] = {"quota": quota, "period": CPU_PERIOD}
    if settings.pids_limit:
        resources["pids"] = {"limit": settings.pids_limit}
    return resources


def _memory(limit: int, host: HostFacts) -> dict[str, int]:
    # As docker does: as much swap again as memory, where the kernel counts swap at all.
    return {"limit": limit, "swap": 2 * limit} if host.has_swap_limit else {"limit": limit}
