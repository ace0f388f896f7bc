"""Between docker's JSON of a container's options and our settings: both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.containers.settings import ContainerSettings
from engine.dockerapi.fields import Fields

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord


def settings_of(body: dict[str, Any], *, name: str | None) -> ContainerSettings:
    """Return the settings that the *body* of `POST /containers/create` asks for."""
    config = Fields(body)
    host = config.child("HostConfig")
    labels = config.mapping("Labels")
    return ContainerSettings(
        image=config.text("Image"),
        name=name,
        command=config.words("Cmd"),
        entrypoint=config.words("Entrypoint"),
        env=config.texts("Env"),
        working_dir=config.text("WorkingDir"),
        user=config.text("User"),
        hostname=config.text("Hostname"),
        labels=labels,
        tty=config.flag("Tty"),
        open_stdin=config.flag("OpenStdin"),
        memory_bytes=host.number("Memory"),
        nano_cpus=host.number("NanoCpus"),
        pids_limit=max(0, host.number("PidsLimit")),
        read_only=host.flag("ReadonlyRootfs"),
        auto_remove=host.flag("AutoRemove"),
        stop_signal=config.text("StopSignal"),
        stop_timeout=config.optional_number("StopTimeout"),
    )


def network_mode_of(settings: ContainerSettings) -> str:
    """Return docker's `NetworkMode`."""
    return settings.network


def config_of(record: ContainerRecord) -> dict[str, Any]:
    """Return docker's `Config` of a container."""
    settings = record.settings
    config: dict[str, Any] = {
        "Hostname": settings.hostname or record.short_id,
        "Domainname": "",
        "User": settings.user,
        "AttachStdin": settings.open_stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": settings.tty,
        "OpenStdin": settings.open_stdin,
        "StdinOnce": settings.open_stdin,
        "Env": list(settings.env),
        "Cmd": list(settings.command) if settings.command is not None else None,
        "Image": settings.image,
        "Volumes": None,
        "WorkingDir": settings.working_dir,
        "Entrypoint": list(settings.entrypoint) if settings.entrypoint is not None else None,
        "OnBuild": None,
        "Labels": dict(settings.labels),
    }
    if settings.stop_signal:
        config["StopSignal"] = settings.stop_signal
    if settings.stop_timeout is not None:
        config["StopTimeout"] = settings.stop_timeout
    return config


def host_config_of(settings: ContainerSettings) -> dict[str, Any]:
    """Return docker's `HostConfig` of a container."""
    return {
        **_HOST_DEFAULTS,
        "NetworkMode": network_mode_of(settings),
        "AutoRemove": settings.auto_remove,
        "ReadonlyRootfs": settings.read_only,
        "Memory": settings.memory_bytes,
        "NanoCpus": settings.nano_cpus,
        "PidsLimit": settings.pids_limit or None,
    }


_HOST_DEFAULTS: dict[str, Any] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "PortBindings": {},
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "VolumeDriver": "",
    "VolumesFrom": None,
    "ConsoleSize": [0, 0],
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "private",
    "Dns": [],
    "DnsOptions": [],
    "DnsSearch": [],
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "SecurityOpt": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 64 * 1024 * 1024,
    "Runtime": "runc",
    "Isolation": "",
    "CpuShares": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": [],
    "BlkioDeviceReadBps": [],
    "BlkioDeviceWriteBps": [],
    "BlkioDeviceReadIOps": [],
    "BlkioDeviceWriteIOps": [],
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": [],
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "Ulimits": [],
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
    "MaskedPaths": None,
    "ReadonlyPaths": None,
}
