"""Containers as docker's JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.containers.bundle import LOG
from engine.containers.state import ContainerState
from engine.dockerapi.host_config import config_of, host_config_of, network_mode_of
from engine.dockerapi.standing import network_settings_of, networks_of, port_rows
from engine.dockerapi.versions import NEWEST
from engine.dockerapi.words import go_time
from engine.settings.lifetime import NO_LOG

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.health import Health
    from engine.containers.record import ContainerRecord
    from engine.dockerapi.standing import Standing
    from engine.dockerapi.versions import ApiVersion
    from engine.oci.config import ProcessDefaults

_PLAIN = re.compile(r"[^\s'\"]+")


def container_summary(
    record: ContainerRecord,
    status: str,
    *,
    image: str,
    standing: Standing,
    mounts: list[dict[str, Any]],
    version: ApiVersion = NEWEST,
    sizes: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return a row of `GET /containers/json`; *sizes* are of writable layer and of all."""
    summary = {
        "Id": record.id,
        "Names": [f"/{record.name}"],
        "Image": image,
        "ImageID": str(record.image_id),
        "Command": command_text(record.command),
        "Created": int(record.created_at.timestamp()),
        "Ports": port_rows(record, standing),
        "Labels": dict(record.labels),
        "State": str(record.state),
        "Status": status,
        "HostConfig": {"NetworkMode": network_mode_of(record.settings)},
        "NetworkSettings": {"Networks": networks_of(record, standing, version)},
        "Mounts": mounts,
    }
    if sizes is not None:
        # Docker leaves out what is 0 here.
        shown = {"SizeRw": sizes[0], "SizeRootFs": sizes[1]}
        summary |= {name: size for name, size in shown.items() if size}
    return summary


def command_text(command: tuple[str, ...]) -> str:
    """Return the COMMAND column: words that hold blanks stand in quotes."""
    first, rest = command[:1], command[1:]
    return " ".join([*first, *(each if _PLAIN.fullmatch(each) else f"'{each}'" for each in rest)])


def container_details(
    record: ContainerRecord,
    image: ProcessDefaults,
    *,
    driver: str,
    directory: Path,
    standing: Standing,
    mounts: list[dict[str, Any]],
    execs: list[str],
    version: ApiVersion,
    sizes: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return the answer to `GET /containers/{id}/json`; *image* is what its image says."""
    command = record.command or ("",)
    details = {
        "Id": record.id,
        "Created": go_time(record.created_at),
        "Path": command[0],
        "Args": list(command[1:]),
        "State": _state(record),
        "Image": str(record.image_id),
        "ResolvConfPath": str(directory / "resolv.conf"),
        "HostnamePath": str(directory / "hostname"),
        "HostsPath": str(directory / "hosts"),
        "LogPath": str(directory / LOG) if record.settings.log.driver != NO_LOG else "",
        "Name": f"/{record.name}",
        "RestartCount": record.restart_count,
        "Driver": driver,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": execs or None,
        "HostConfig": host_config_of(record.settings, record.attached),
        "GraphDriver": {"Data": None, "Name": driver},
        "Mounts": mounts,
        "Config": config_of(record, image),
        "NetworkSettings": network_settings_of(record, standing, version),
    }
    if sizes is not None:
        details |= {"SizeRw": sizes[0], "SizeRootFs": sizes[1]}
    return details


def _state(record: ContainerRecord) -> dict[str, Any]:
    state = record.state
    shape = {
        "Status": str(state),
        "Running": state in {ContainerState.RUNNING, ContainerState.PAUSED},
        "Paused": state is ContainerState.PAUSED,
        "Restarting": state is ContainerState.RESTARTING,
        "OOMKilled": record.oom_killed,
        "Dead": state is ContainerState.DEAD,
        "Pid": record.pid,
        "ExitCode": record.exit_code or 0,
        "Error": record.error,
        "StartedAt": go_time(record.started_at),
        "FinishedAt": go_time(record.finished_at),
    }
    return shape | ({"Health": _health(record.health)} if record.health else {})


def _health(health: Health) -> dict[str, Any]:
    return {
        "Status": str(health.status),
        "FailingStreak": health.failing_streak,
        "Log": [
            {
                "Start": go_time(each.started_at),
                "End": go_time(each.finished_at),
                "ExitCode": each.exit_code,
                "Output": each.output,
            }
            for each in health.log
        ],
    }
