"""What the host tells about itself, in docker's JSON."""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.containers.state import ContainerState
from engine.dockerapi.versions import OLDEST
from engine.dockerapi.words import go_time
from engine.system.cgroups import CgroupLayout
from engine.system.clock import SYSTEM_CLOCK
from engine.system.host import probe_host
from engine.system.runner import find_program, run

if TYPE_CHECKING:
    from engine.dockerapi.versions import ApiVersion
    from engine.engine import Engine

RELEASE = "0.1.0"
BUILT = "2026-01-01T00:00:00.000000000+00:00"
VERSION_SECONDS = 5.0
OS_RELEASE = Path("/etc/os-release")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_NUMBER = re.compile(r"\d+\.\d+[\w.+~-]*", re.ASCII)


def version_details(newest: ApiVersion) -> dict[str, Any]:
    """Return the answer to `GET /version`."""
    engine = {
        "ApiVersion": str(newest),
        "Arch": probe_host().architecture,
        "BuildTime": BUILT,
        "Experimental": "false",
        "GitCommit": RELEASE,
        "GoVersion": "none",
        "KernelVersion": os.uname().release,
        "MinAPIVersion": str(OLDEST),
        "Os": "linux",
    }
    runtime, monitor = runtime_version(), program_version("conmon")
    return {
        "Platform": {"Name": "Shipshape"},
        "Components": [
            {"Name": "Engine", "Version": RELEASE, "Details": engine},
            {"Name": "conmon", "Version": monitor, "Details": {"GitCommit": ""}},
            {"Name": "runc", "Version": runtime, "Details": {"GitCommit": ""}},
        ],
        "Version": RELEASE,
        "ApiVersion": str(newest),
        "MinAPIVersion": str(OLDEST),
        "GitCommit": RELEASE,
        "GoVersion": "none",
        "Os": "linux",
        "Arch": probe_host().architecture,
        "KernelVersion": os.uname().release,
        "BuildTime": BUILT,
    }


def runtime_version() -> str:
    """Return the version of the program that makes containers here."""
    return program_version("runc") or program_version("crun")


@lru_cache(maxsize=8)
def program_version(name: str) -> str:
    """Return what `name --version` says, empty where it is not installed; asked once."""
    path = find_program(name)
    if path is None:
        return ""
    finished = run([path, "--version"], timeout=VERSION_SECONDS)
    match = _NUMBER.search(finished.stdout.decode(errors="replace"))
    return match[0] if match else ""


def host_information(engine: Engine) -> dict[str, Any]:
    """Return the answer to `GET /info`."""
    states = Counter(each.state for each in engine.containers.list())
    running, paused = states[ContainerState.RUNNING], states[ContainerState.PAUSED]
    driver = engine.paths.snapshotter_note.read_text().strip()
    return {
        "ID": host_id(),
        "Containers": states.total(),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": states.total() - running - paused,
        "Images": len(engine.images.list()),
        "Driver": driver,
        "DriverStatus": [["Layers", "each stored once"], ["Supports d_type", "true"]],
        "DockerRootDir": str(engine.paths.root),
        **_abilities(),
        **_machine(),
        **_ABOUT,
        "Runtimes": {"runc": {"path": find_program("runc") or find_program("crun") or ""}},
        "RuncCommit": {"ID": runtime_version(), "Expected": runtime_version()},
        "ContainerdCommit": {"ID": "", "Expected": ""},
        "InitCommit": {"ID": "", "Expected": ""},
    }


def host_id() -> str:
    """Return an ID of this machine that stays the same."""
    return Path("/etc/machine-id").read_text().strip() if Path("/etc/machine-id").exists() else ""


def _machine() -> dict[str, Any]:
    host, kernel = probe_host(), os.uname()
    release = _os_release()
    is_unified = host.cgroups is CgroupLayout.UNIFIED
    return {
        "NCPU": host.cpus,
        "MemTotal": host.memory_bytes,
        "KernelVersion": kernel.release,
        "OperatingSystem": release.get("PRETTY_NAME", "Linux"),
        "OSVersion": release.get("VERSION_ID", ""),
        "OSType": "linux",
        "Architecture": kernel.machine,
        "Name": kernel.nodename,
        "SystemTime": go_time(SYSTEM_CLOCK.now()),
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "2" if is_unified else "1",
        "NFd": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "NGoroutines": 0,
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
    }


def _abilities() -> dict[str, Any]:
    flags = ("MemoryLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit")
    return {
        **dict.fromkeys(flags, True),
        "SwapLimit": probe_host().has_swap_limit,
        "OomKillDisable": probe_host().cgroups is not CgroupLayout.UNIFIED,
        "KernelMemory": False,
        "KernelMemoryTCP": False,
        "IPv4Forwarding": FORWARDING.exists() and FORWARDING.read_text().strip() == "1",
        "BridgeNfIptables": False,
        "BridgeNfIp6tables": False,
        "Debug": False,
    }


def _os_release() -> dict[str, str]:
    if not OS_RELEASE.exists():
        return {}
    lines = (line.partition("=") for line in OS_RELEASE.read_text().splitlines())
    return {name: value.strip('"') for name, _, value in lines}


_ABOUT: dict[str, Any] = {
    "Plugins": {
        "Volume": ["local"],
        "Network": ["bridge", "host", "null"],
        "Authorization": None,
        "Log": ["json-file", "none"],
    },
    "NEventsListener": 0,
    "LoggingDriver": "json-file",
    "IndexServerAddress": "https://index.docker.io/v1/",
    "RegistryConfig": {
        "AllowNondistributableArtifactsCIDRs": [],
        "AllowNondistributableArtifactsHostnames": [],
        "InsecureRegistryCIDRs": ["127.0.0.0/8"],
        "IndexConfigs": {
            "docker.io": {"Name": "docker.io", "Mirrors": [], "Secure": True, "Official": True}
        },
        "Mirrors": [],
    },
    "GenericResources": None,
    "Labels": [],
    "ExperimentalBuild": False,
    "ServerVersion": RELEASE,
    "DefaultRuntime": "runc",
    "Swarm": {
        "NodeID": "",
        "NodeAddr": "",
        "LocalNodeState": "inactive",
        "ControlAvailable": False,
        "Error": "",
        "RemoteManagers": None,
    },
    "LiveRestoreEnabled": True,
    "Isolation": "",
    "InitBinary": "",
    "SecurityOptions": ["name=seccomp,profile=builtin"],
    "CDISpecDirs": [],
    "Containerd": None,
    "Warnings": None,
}
