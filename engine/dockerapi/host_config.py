"""The options of a container as docker's `Config` and `HostConfig`: the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from engine.containers.isolation import MASKED_PATHS, READ_ONLY_PATHS
from engine.containers.merged import merged_config
from engine.containers.record import NOBODY, STREAMS, Attached
from engine.dockerapi.mount_options import binds_of, mount_list_of, tmpfs_of
from engine.dockerapi.words import short_size
from engine.oci.healthcheck import write_healthcheck
from engine.settings.lifetime import Writable

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from engine.oci.config import ProcessDefaults
    from engine.settings import ContainerSettings, DeviceRate, PortBinding

T = TypeVar("T")

SHM_BYTES = 64 * 1024 * 1024
LISTS: dict[str, type[list[Any] | dict[str, Any]]] = {
    "Binds": list,
    "BlkioDeviceReadBps": list,
    "BlkioDeviceReadIOps": list,
    "BlkioDeviceWriteBps": list,
    "BlkioDeviceWriteIOps": list,
    "BlkioWeightDevice": list,
    "CapAdd": list,
    "CapDrop": list,
    "DeviceCgroupRules": list,
    "DeviceRequests": list,
    "Devices": list,
    "Dns": list,
    "DnsOptions": list,
    "DnsSearch": list,
    "ExtraHosts": list,
    "GroupAdd": list,
    "PortBindings": dict,
    "SecurityOpt": list,
    "Ulimits": list,
    "VolumesFrom": list,
}
"""What docker tells as null where it was not given, and as empty where it was given so."""


def network_mode_of(settings: ContainerSettings) -> str:
    """Return docker's `NetworkMode`."""
    return settings.network


def config_of(record: ContainerRecord, image: ProcessDefaults) -> dict[str, Any]:
    """Return docker's `Config` of a container made of *image*, with what it has from there."""
    settings, merged = record.settings, merged_config(image, record.settings)
    config: dict[str, Any] = {
        "Hostname": settings.hostname or record.short_id,
        "Domainname": settings.domainname,
        "User": merged.user,
        **{f"Attach{each.title()}": each in record.attached.streams for each in STREAMS},
        "Tty": settings.tty,
        "OpenStdin": settings.open_stdin,
        "StdinOnce": settings.stdin_once,
        "Env": list(merged.env) or None,
        "Cmd": list(merged.command) or None,
        "Image": settings.image,
        "Volumes": {each: {} for each in merged.volumes} or None,
        "WorkingDir": merged.working_dir,
        "Entrypoint": list(merged.entrypoint) or _nothing("Entrypoint", list, record.attached),
        "OnBuild": None,
        "Labels": dict(record.labels),
    }
    optional: dict[str, Any] = {
        "ExposedPorts": {each: {} for each in merged.exposed_ports},
        "StopSignal": merged.stop_signal,
        "StopTimeout": settings.stop_timeout,
        "Healthcheck": write_healthcheck(merged.healthcheck),
    }
    return config | {key: value for key, value in optional.items() if value or value == 0}


def host_config_of(settings: ContainerSettings, attached: Attached = NOBODY) -> dict[str, Any]:
    """Return docker's `HostConfig` of a container."""
    shape = _host_config(settings, attached)
    empty = {name: kind for name, kind in LISTS.items() if not shape[name]}
    return shape | {name: _nothing(name, kind, attached) for name, kind in empty.items()}


def _nothing(name: str, kind: type[T], attached: Attached) -> T | None:
    return kind() if name in attached.empty else None


def _host_config(settings: ContainerSettings, attached: Attached) -> dict[str, Any]:
    mounts = mount_list_of(settings.mounts)
    tmpfs = tmpfs_of(settings.mounts)
    return {
        **_HOST_DEFAULTS,
        **_life(settings),
        **_networking(settings),
        **_resources(settings),
        **_block_devices(settings),
        **_security(settings),
        "Binds": binds_of(settings.mounts),
        "VolumesFrom": list(settings.volumes_from),
        "ConsoleSize": [attached.rows, attached.columns],
        **({"Mounts": mounts} if mounts else {}),
        **({"Tmpfs": tmpfs} if tmpfs else {}),
    }


def _life(settings: ContainerSettings) -> dict[str, Any]:
    log = {"max-size": short_size(settings.log.max_size), "max-file": settings.log.max_file}
    shape: dict[str, Any] = {
        "AutoRemove": settings.auto_remove,
        "RestartPolicy": {
            "Name": settings.restart.name,
            "MaximumRetryCount": settings.restart.max_retries,
        },
        "LogConfig": {
            "Type": settings.log.driver,
            "Config": {key: str(value) for key, value in log.items() if value}
            | dict(settings.log.options),
        },
        "ReadonlyRootfs": settings.read_only,
        "GroupAdd": list(settings.group_add),
    }
    if settings.init:
        shape["Init"] = True
    if settings.annotations:
        shape["Annotations"] = dict(settings.annotations)
    if settings.writable is Writable.MEMORY:
        shape["StorageOpt"] = {"writable": "memory", "size": str(settings.writable_bytes)}
    return shape


def _networking(settings: ContainerSettings) -> dict[str, Any]:
    links = [link for each in settings.endpoints for link in each.links]
    return {
        "NetworkMode": network_mode_of(settings),
        "PortBindings": port_map_of(settings.publish),
        "PublishAllPorts": settings.publish_all,
        "Dns": list(settings.dns),
        "DnsOptions": list(settings.dns_options),
        "DnsSearch": list(settings.dns_search),
        "ExtraHosts": list(settings.extra_hosts),
        "Links": links or None,
    }


def port_map_of(publish: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    """Return docker's `PortBindings`."""
    ports: dict[str, list[dict[str, str]]] = {}
    for each in publish:
        place = str(each.host_port or "") + (f"-{each.host_port_end}" if each.host_port_end else "")
        binding = {"HostIp": each.host_ip, "HostPort": place}
        ports.setdefault(f"{each.container_port}/{each.protocol}", []).append(binding)
    return ports


def _resources(settings: ContainerSettings) -> dict[str, Any]:
    return {
        "Memory": settings.memory_bytes,
        "MemoryReservation": settings.memory_reservation,
        "MemorySwap": settings.memory_swap or 2 * settings.memory_bytes,
        "MemorySwappiness": settings.memory_swappiness,
        "OomKillDisable": settings.oom_kill_disable,
        "OomScoreAdj": settings.oom_score_adj,
        "NanoCpus": settings.nano_cpus,
        "CpuShares": settings.cpu_shares,
        "CpuPeriod": settings.cpu_period,
        "CpuQuota": settings.cpu_quota,
        "CpusetCpus": settings.cpuset_cpus,
        "CpusetMems": settings.cpuset_mems,
        "PidsLimit": settings.pids_limit if settings.pids_limit > 0 else None,
        "Ulimits": [
            {"Name": each.name, "Hard": each.hard, "Soft": each.soft} for each in settings.ulimits
        ],
        "ShmSize": settings.shm_size or SHM_BYTES,
        "CgroupParent": settings.cgroup_parent,
    }


def _block_devices(settings: ContainerSettings) -> dict[str, Any]:
    return {
        "BlkioWeight": settings.blkio_weight,
        "BlkioWeightDevice": [
            {"Path": each.path, "Weight": each.weight} for each in settings.blkio_weight_device
        ],
        "BlkioDeviceReadBps": _rates(settings.device_read_bps),
        "BlkioDeviceWriteBps": _rates(settings.device_write_bps),
        "BlkioDeviceReadIOps": _rates(settings.device_read_iops),
        "BlkioDeviceWriteIOps": _rates(settings.device_write_iops),
    }


def _rates(rates: tuple[DeviceRate, ...]) -> list[dict[str, Any]]:
    return [{"Path": each.path, "Rate": each.rate} for each in rates]


def _security(settings: ContainerSettings) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "Devices": [
            {
                "PathOnHost": each.host_path,
                "PathInContainer": each.target,
                "CgroupPermissions": each.permissions,
            }
            for each in settings.devices
        ],
        "DeviceCgroupRules": list(settings.device_cgroup_rules),
        "CapAdd": list(settings.cap_add),
        "CapDrop": list(settings.cap_drop),
        "Privileged": settings.privileged,
        "SecurityOpt": list(settings.security_opt),
        "MaskedPaths": _paths(settings, settings.masked_paths, MASKED_PATHS),
        "ReadonlyPaths": _paths(settings, settings.readonly_paths, READ_ONLY_PATHS),
        "CgroupnsMode": settings.cgroup_mode or "private",
        "PidMode": settings.pid_mode,
        "IpcMode": settings.ipc_mode or "private",
        "UTSMode": settings.uts_mode,
        "UsernsMode": settings.userns_mode,
        "Runtime": settings.runtime or "runc",
    }
    return shape | ({"Sysctls": dict(settings.sysctls)} if settings.sysctls else {})


def _paths(
    settings: ContainerSettings, chosen: tuple[str, ...] | None, default: tuple[str, ...]
) -> list[str] | None:
    if chosen is not None:
        return list(chosen)
    return None if settings.privileged else list(default)


# What docker tells and this engine has no choice about.
_HOST_DEFAULTS: dict[str, Any] = {
    "ContainerIDFile": "",
    "VolumeDriver": "",
    "Cgroup": "",
    "Isolation": "",
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "DeviceRequests": None,
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
}
