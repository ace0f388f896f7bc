"""
The runtime spec of a container (runtime-spec config.md), made of values alone.

Equal inputs give equal specs; nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.containers.capabilities import all_capabilities, capability_sets, granted_capabilities
from engine.containers.isolation import (
    device_rules,
    masked_paths,
    namespaces,
    readonly_paths,
    sysctls,
)
from engine.containers.process import with_home
from engine.containers.resources import runtime_resources
from engine.containers.seccomp import seccomp_profile
from engine.containers.seccomp_json import convert_profile
from engine.containers.spec_mounts import INIT, spec_mounts
from engine.containers.surroundings import NOTHING, Surroundings
from engine.settings.security import UNCONFINED

if TYPE_CHECKING:
    from engine.containers.bundle import Bundle
    from engine.containers.process import Process
    from engine.containers.users import Identity
    from engine.settings import ContainerSettings
    from engine.system.host import HostFacts

VERSION = "1.0.2"
OPEN_FILES = 1_048_576
SHARED = ("shared", "rshared")
SLAVE = ("slave", "rslave")


@dataclass(frozen=True, slots=True)
class SpecInputs:
    """All that a runtime spec is made of."""

    bundle: Bundle
    settings: ContainerSettings
    process: Process
    identity: Identity
    hostname: str
    host: HostFacts
    surroundings: Surroundings = NOTHING


def runtime_spec(inputs: SpecInputs) -> dict[str, Any]:
    """Return the spec of one start of a container."""
    settings = inputs.settings
    spec = {
        "ociVersion": VERSION,
        "process": _process(inputs),
        "root": {"path": str(inputs.bundle.rootfs), "readonly": settings.read_only},
        "hostname": inputs.hostname,
        "mounts": spec_mounts(settings, inputs.surroundings, inputs.bundle.etc),
        "linux": _linux(inputs),
    }
    if settings.uts_mode == "host":
        del spec["hostname"]
    if settings.annotations:
        spec["annotations"] = dict(settings.annotations)
    return spec


def _process(inputs: SpecInputs) -> dict[str, Any]:
    process, identity, settings = inputs.process, inputs.identity, inputs.settings
    granted = granted_capabilities(settings, all_capabilities(inputs.host.capability_bits))
    init = [INIT, "--"] if inputs.surroundings.init else []
    return {
        "terminal": process.tty,
        "user": {
            "uid": identity.uid,
            "gid": identity.gid,
            "additionalGids": list(identity.groups or (identity.gid,)),
        },
        "args": [*init, *process.arguments],
        "env": list(with_home(process.env, identity.home)),
        "cwd": process.working_dir,
        "capabilities": capability_sets(granted, is_root=identity.uid == 0),
        "rlimits": _rlimits(settings, inputs.host),
        "noNewPrivileges": settings.security.no_new_privileges,
        **_apparmor(settings, inputs.host),
        # Without a privilege for it, nobody can be made a lesser victim than we are.
        "oomScoreAdj": max(settings.oom_score_adj, inputs.host.oom_score),
    }


def _apparmor(settings: ContainerSettings, host: HostFacts) -> dict[str, str]:
    profile = settings.security.apparmor
    return {"apparmorProfile": profile} if profile and host.has_apparmor else {}


def _rlimits(settings: ContainerSettings, host: HostFacts) -> list[dict[str, Any]]:
    files = min(OPEN_FILES, host.open_files)
    limits = {"RLIMIT_NOFILE": (files, files)}
    for each in settings.ulimits:
        most = host.hard_limit(each.name)
        limits[f"RLIMIT_{each.name.upper()}"] = (
            _at_most(each.soft, most),
            _at_most(each.hard, most),
        )
    return [
        {"type": name, "hard": _unsigned(hard), "soft": _unsigned(soft)}
        for name, (soft, hard) in limits.items()
    ]


def _at_most(value: int, most: int) -> int:
    if most == -1:
        return value
    return most if value == -1 else min(value, most)


def _unsigned(value: int) -> int:
    return value if value >= 0 else 2**64 - 1


def _linux(inputs: SpecInputs) -> dict[str, Any]:
    settings, host, around = inputs.settings, inputs.host, inputs.surroundings
    linux: dict[str, Any] = {
        "sysctl": sysctls(settings),
        "resources": {
            "devices": device_rules(settings, around),
            **runtime_resources(settings, host, around.numbers),
        },
        "cgroupsPath": inputs.bundle.cgroup,
        "namespaces": namespaces(settings, around, has_cgroup=host.has_cgroup_namespace),
        "maskedPaths": masked_paths(settings),
        "readonlyPaths": readonly_paths(settings),
        "rootfsPropagation": _propagation(settings),
    }
    if around.devices:
        linux["devices"] = [each.node() for each in around.devices]
    profile = _profile(settings, host)
    return linux if profile is None else {**linux, "seccomp": profile}


def _propagation(settings: ContainerSettings) -> str:
    """Return how the root takes part in the host's mounts: as much as its mounts ask for."""
    wanted = {each.propagation for each in settings.mounts}
    if wanted.intersection(SHARED):
        return "shared"
    return "rslave" if wanted.intersection(SLAVE) else "private"


def _profile(settings: ContainerSettings, host: HostFacts) -> dict[str, Any] | None:
    wanted = settings.security.seccomp
    granted = granted_capabilities(settings, all_capabilities(host.capability_bits))
    if settings.privileged or wanted == UNCONFINED:
        return None
    if wanted:
        return convert_profile(wanted, capabilities=granted, host=host)
    return seccomp_profile(
        granted, architecture=host.architecture, kernel=host.kernel, has_x32=host.has_x32
    )
