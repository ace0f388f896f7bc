"""What `inspect` shows: the whole record as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.dateparse import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.models import Container, Image, Network, Volume


def inspect_container(container: Container) -> str:
    """Return all that is known of *container*."""
    return _rendered(
        {
            "Id": container.container_id,
            "Name": container.name,
            "Created": container.created_at,
            "State": {
                "Status": container.state,
                "Running": container.is_running,
                "OOMKilled": container.oom_killed,
                "Pid": container.pid or 0,
                "ExitCode": container.exit_code,
                "Error": container.error,
                "StartedAt": container.started_at,
                "FinishedAt": container.finished_at,
                "Health": container.health or None,
            },
            "Image": container.image_digest,
            "ImageReference": container.image_reference,
            "Host": container.host_id,
            "Owner": container.owner,
            "AutoRemove": container.auto_remove,
            "SizeRw": container.size,
            "SizeRootFs": container.virtual_size,
            "NetworkSettings": {"Ports": container.ports, "Networks": container.networks},
            "Settings": container.settings,
        }
    )


def inspect_volume(volume: Volume) -> str:
    """Return all that is known of *volume*."""
    return _rendered(
        {
            "Name": volume.name,
            "Driver": volume.driver,
            "Mountpoint": volume.mountpoint,
            "CreatedAt": volume.created_at,
            "Labels": volume.labels,
            "Options": volume.options,
            "Scope": "local",
            "Host": volume.host_id,
            "Owner": volume.owner,
            "UsageData": {"Size": volume.size, "RefCount": volume.holder_count},
            "Containers": volume.holders,
        }
    )


def inspect_network(network: Network) -> str:
    """Return all that is known of *network*."""
    return _rendered(
        {
            "Id": network.network_id,
            "Name": network.name,
            "Driver": network.driver,
            "Created": network.created_at,
            "Internal": network.is_internal,
            "EnableIPv6": network.has_ipv6,
            "IPAM": {"Config": network.subnets},
            "Options": network.options,
            "Labels": network.labels,
            "Host": network.host_id,
            "Owner": network.owner,
            "Containers": network.endpoints,
        }
    )


def inspect_image(image: Image) -> str:
    """Return the image config as its manifest points to it."""
    return _rendered(image.config)


def history_of(image: Image) -> list[dict[str, Any]]:
    """Return the history of *image* with its times as times."""
    return [{**row, "created": _moment(row)} for row in image.history]


def _moment(row: Mapping[str, Any]) -> Any:
    told = row.get("created_at") or row.get("created")
    return parse_datetime(told) if isinstance(told, str) else None


def _rendered(value: Any) -> str:
    return json.dumps(value, indent=2, cls=DjangoJSONEncoder, ensure_ascii=False)
