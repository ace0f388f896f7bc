"""Hosts, and what their containers use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string

from dashboard import selectors
from dashboard.events.sending import TEAM_GROUP, after_commit, host_group, send_event

if TYPE_CHECKING:
    from dashboard.events.shapes import HostEvent, StatsEvent
    from dashboard.models import Host

_COUNTS = (
    "image_count",
    "dangling_count",
    "dangling_bytes",
    "container_count",
    "running_count",
    "stopped_count",
    "stopped_bytes",
    "layer_bytes",
    "virtual_bytes",
    "volume_count",
    "unused_volume_count",
    "volume_bytes",
    "network_count",
)


def publish_stats(host: str, rows: dict[str, dict[str, Any]]) -> None:
    """Show what the containers of *host* use: *rows* by container ID."""
    event: StatsEvent = {"type": "stats", "host": host, "rows": rows}
    after_commit(send_event, host_group(host), event)


def publish_host(host: Host) -> None:
    """Show *host* as it is now on every open page."""
    after_commit(_send_host, host.pk)


def _send_host(name: str) -> None:
    host = selectors.find_host(name)
    if host is None:
        return
    event: HostEvent = {
        "type": "host",
        "host": host.name,
        "key": host.row_id,
        "is_online": host.is_online,
        "cpu_percent": host.cpu_percent,
        "memory_used": host.memory_used,
        "memory_total": host.memory_total,
        "disk": host.disk,
        "counts": {name: getattr(host, name) for name in _COUNTS},
        "html": render_to_string("dashboard/hosts/_row.html", {"host": host}),
    }
    send_event(TEAM_GROUP, event)
