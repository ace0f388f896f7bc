"""What `POST /containers/create` asks for, as settings: every option of docker's, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.containers.record import STREAMS, Attached
from engine.dockerapi.fields import Fields
from engine.dockerapi.host_config import LISTS
from engine.dockerapi.log_options import log_of
from engine.dockerapi.mount_options import mounts_of
from engine.dockerapi.port_options import endpoints_of, network_of, port_bindings_of
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.words import parse_size
from engine.settings import (
    ContainerSettings,
    DeviceMapping,
    DeviceRate,
    DeviceWeight,
    Healthcheck,
    RestartPolicy,
    Ulimit,
)
from engine.settings.lifetime import Writable

if TYPE_CHECKING:
    from collections.abc import Mapping

WARNINGS = {
    "KernelMemory": "Specifying a kernel memory limit is deprecated and has no effect.",
    "KernelMemoryTCP": "A limit of kernel TCP memory has no effect on this host.",
}
UNSUPPORTED = {
    "CpuRealtimePeriod": "the real-time period of processors is not supported by this engine",
    "CpuRealtimeRuntime": "the real-time runtime of processors is not supported by this engine",
    "DeviceRequests": 'could not select device driver "" with capabilities: [[gpu]]',
    "IOMaximumIOps": "IOMaximumIOps is for Windows only",
    "IOMaximumBandwidth": "IOMaximumBandwidth is for Windows only",
}
STORAGE = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"


def settings_of(body: dict[str, Any], *, name: str | None) -> ContainerSettings:
    """
    Return the settings that *body* asks for.

    Raises `Refusal` where a value is of another kind than docker's, or an option is one that this
    engine would have to ignore although it changes what the container may do.
    """
    config = Fields(body)
    host = config.child("HostConfig")
    _refuse_unsupported(host)
    return ContainerSettings(
        name=name,
        **_process(config, host),
        **_lifetime(config, host),
        **_networking(config, host),
        **resources_of(host),
        **_more_resources(host),
        **_security(host),
        mounts=mounts_of(config, host),
        volumes_from=host.texts("VolumesFrom"),
    )


def attached_of(body: Mapping[str, Any]) -> Attached:
    """Return what the caller says of themselves; raise `Refusal` (400)."""
    config = Fields(body)
    rows, columns = config.child("HostConfig").size("ConsoleSize") or (0, 0)
    streams = tuple(each for each in STREAMS if config.flag(f"Attach{each.title()}"))
    host = config.child("HostConfig")
    empty = [each for each in LISTS if host.value(each) in ([], {})]
    empty += ["Entrypoint"] * (config.value("Entrypoint") == [])
    return Attached(streams, rows, columns, tuple(empty))


def warnings_of(body: Mapping[str, Any]) -> list[str]:
    """Return what the caller is told about options that have no effect."""
    host = body.get("HostConfig")
    given = host if isinstance(host, dict) else {}
    return [words for option, words in WARNINGS.items() if given.get(option)]


def _refuse_unsupported(host: Fields) -> None:
    for option, words in UNSUPPORTED.items():
        if host.is_set(option):
            raise Refusal(400, words)
    isolation = host.text("Isolation")
    if isolation not in {"", "default"}:
        words = f"Invalid isolation: \"{isolation[:40]}\" - linux only supports 'default'"
        raise Refusal(400, words)


def _process(config: Fields, host: Fields) -> dict[str, Any]:
    return {
        "image": config.text("Image"),
        "command": config.words("Cmd"),
        "entrypoint": config.words("Entrypoint"),
        "env": env_of(config),
        "working_dir": config.text("WorkingDir"),
        "user": config.text("User"),
        "group_add": host.texts("GroupAdd"),
        "hostname": config.text("Hostname"),
        "domainname": config.text("Domainname"),
        "labels": config.mapping("Labels"),
        "annotations": host.mapping("Annotations"),
        "tty": config.flag("Tty"),
        "open_stdin": config.flag("OpenStdin"),
        "stdin_once": config.flag("StdinOnce"),
        "read_only": host.flag("ReadonlyRootfs"),
        "init": host.flag("Init"),
    }


def env_of(config: Fields) -> tuple[str, ...]:
    """Return the variables that are to be set; raise `Refusal` (400) for one without a name."""
    given = config.texts("Env")
    for each in given:
        if each.startswith("=") or not each:
            raise Refusal(400, f"invalid environment variable: {each[:200]}")
    # A name alone says that a variable is not set, which a container's are not anyway.
    return tuple(each for each in given if "=" in each)


def _lifetime(config: Fields, host: Fields) -> dict[str, Any]:
    return {
        "auto_remove": host.flag("AutoRemove"),
        "stop_signal": config.text("StopSignal"),
        "stop_timeout": config.optional_number("StopTimeout"),
        "restart": restart_of(host.child("RestartPolicy")),
        "healthcheck": _healthcheck(config.optional_child("Healthcheck")),
        "log": log_of(host.child("LogConfig")),
        **_storage(host.mapping("StorageOpt")),
    }


def restart_of(policy: Fields) -> RestartPolicy:
    """Return a restart policy as docker writes it."""
    return RestartPolicy(policy.text("Name") or "no", policy.number("MaximumRetryCount"))


def _healthcheck(check: Fields | None) -> Healthcheck | None:
    if check is None:
        return None
    return Healthcheck(
        test=check.texts("Test"),
        interval=check.number("Interval"),
        timeout=check.number("Timeout"),
        start_period=check.number("StartPeriod"),
        start_interval=check.number("StartInterval"),
        retries=check.number("Retries"),
    )


def _storage(options: dict[str, str]) -> dict[str, Any]:
    """Return where the writable layer is: `writable=memory,size=64m` is this engine's own."""
    if not options:
        return {}
    if options.get("writable") != "memory" or set(options) - {"writable", "size"}:
        raise Refusal(400, STORAGE)
    size = parse_size(options.get("size", "0"), "size")
    return {"writable": Writable.MEMORY, "writable_bytes": size}


def _networking(config: Fields, host: Fields) -> dict[str, Any]:
    network = network_of(config, host)
    return {
        "network": network,
        "endpoints": endpoints_of(config, host, network),
        "publish": port_bindings_of(host),
        "publish_all": host.flag("PublishAllPorts"),
        "expose": config.keys("ExposedPorts"),
        "dns": host.texts("Dns"),
        "dns_search": host.texts("DnsSearch"),
        "dns_options": host.texts("DnsOptions"),
        "extra_hosts": host.texts("ExtraHosts"),
    }


def resources_of(host: Fields) -> dict[str, Any]:
    """Return the limits that can be changed later too."""
    return {
        "memory_bytes": host.number("Memory"),
        "memory_reservation": host.number("MemoryReservation"),
        "memory_swap": host.number("MemorySwap"),
        "nano_cpus": host.number("NanoCpus"),
        "cpu_shares": host.number("CpuShares"),
        "cpu_period": host.number("CpuPeriod"),
        "cpu_quota": host.number("CpuQuota"),
        "cpuset_cpus": host.text("CpusetCpus"),
        "cpuset_mems": host.text("CpusetMems"),
        "pids_limit": max(-1, host.number("PidsLimit")),
        "blkio_weight": host.number("BlkioWeight"),
    }


def _more_resources(host: Fields) -> dict[str, Any]:
    swappiness = host.optional_number("MemorySwappiness")
    return {
        "memory_swappiness": None if swappiness == -1 else swappiness,
        "oom_kill_disable": host.flag("OomKillDisable"),
        "oom_score_adj": host.number("OomScoreAdj"),
        "blkio_weight_device": tuple(
            DeviceWeight(each.text("Path"), each.number("Weight"))
            for each in host.children("BlkioWeightDevice")
        ),
        "device_read_bps": _rates(host, "BlkioDeviceReadBps"),
        "device_write_bps": _rates(host, "BlkioDeviceWriteBps"),
        "device_read_iops": _rates(host, "BlkioDeviceReadIOps"),
        "device_write_iops": _rates(host, "BlkioDeviceWriteIOps"),
        "ulimits": tuple(
            Ulimit(each.text("Name"), each.number("Soft"), each.number("Hard"))
            for each in host.children("Ulimits")
        ),
        "shm_size": host.number("ShmSize"),
        "cgroup_parent": host.text("CgroupParent"),
    }


def _rates(host: Fields, name: str) -> tuple[DeviceRate, ...]:
    return tuple(DeviceRate(each.text("Path"), each.number("Rate")) for each in host.children(name))


def _security(host: Fields) -> dict[str, Any]:
    return {
        "sysctls": host.mapping("Sysctls"),
        "devices": tuple(
            DeviceMapping(
                each.text("PathOnHost"),
                each.text("PathInContainer"),
                each.text("CgroupPermissions") or "rwm",
            )
            for each in host.children("Devices")
        ),
        "device_cgroup_rules": host.texts("DeviceCgroupRules"),
        "cap_add": host.texts("CapAdd"),
        "cap_drop": host.texts("CapDrop"),
        "privileged": host.flag("Privileged"),
        "security_opt": host.texts("SecurityOpt"),
        "masked_paths": host.optional_texts("MaskedPaths"),
        "readonly_paths": host.optional_texts("ReadonlyPaths"),
        "cgroup_mode": host.text("CgroupnsMode"),
        "pid_mode": host.text("PidMode"),
        "ipc_mode": host.text("IpcMode"),
        "uts_mode": host.text("UTSMode"),
        "userns_mode": host.text("UsernsMode"),
        "runtime": _runtime(host.text("Runtime")),
    }


def _runtime(name: str) -> str:
    return "" if name in {"runc", "io.containerd.runc.v2"} else name
