"""Saying that the host is alive, and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from dashboard import events
from dashboard.models import Host
from workers.agent.machine import cpu_percent, read_cpu_time, read_disk, read_memory

if TYPE_CHECKING:
    from pathlib import Path

    from workers.agent.disk import Disk


def ensure_host(name: str) -> Host:
    """Return the row of this host, which the team knows from now on."""
    host, _ = Host.objects.get_or_create(name=name)
    return host


class Heartbeat:
    """Writes how the host is into its row."""

    def __init__(self, host: str, *, root: Path, disk: Disk, facts: dict[str, Any]) -> None:
        self._host = host
        self._root = root
        self._disk = disk
        self._facts = facts
        self._cpu = read_cpu_time()

    def beat(self) -> None:
        """Afterwards the team knows that the host is here, and how busy and full it is."""
        Host.objects.filter(pk=self._host).update(last_seen_at=timezone.now(), **self._measured())
        events.publish_host(Host.objects.get(pk=self._host))

    def _measured(self) -> dict[str, Any]:
        before, self._cpu = self._cpu, read_cpu_time()
        memory = read_memory()
        return {
            "cpu_percent": cpu_percent(before, self._cpu),
            "memory_used": memory.used,
            "memory_total": memory.total,
            "facts": self._facts,
            "disk": {**read_disk(self._root), **self._disk.usage},
        }
