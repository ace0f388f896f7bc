"""What this host's engine takes of the disk, each byte once; see `engine.ledger`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from dashboard.models import Container
from engine.ledger import disk_usage

if TYPE_CHECKING:
    from engine.engine import Engine


class Disk:
    """
    The account of *host*'s disk.

    Writable layers count with the size that was measured last, so that no directory is walked.
    """

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host
        self._version: object = None
        self.usage: dict[str, int] = {}

    def account(self) -> None:
        """Make `usage` true, unless nothing happened since the last time."""
        version = (self._engine.events.last_sequence(), self._last_measured())
        if version != self._version:
            self.usage = self._usage()
            self._version = version

    def _last_measured(self) -> object:
        rows = Container.objects.filter(host_id=self._host)
        return rows.aggregate(last=Max("size_measured_at"))["last"]

    def _usage(self) -> dict[str, int]:
        rows = Container.objects.filter(host_id=self._host, size__isnull=False)
        sizes = {row.container_id: row.size or 0 for row in rows.only("container_id", "size")}
        images, containers = self._engine.images.list(), self._engine.containers.list()
        usage = disk_usage(
            images, containers, writable_sizes=sizes, cached=self._engine.builds.held_layers()
        )
        return {
            "layers": usage.layers,
            "layers_shared": usage.shared_layers,
            "archives": usage.archives,
            "documents": usage.documents,
            "writable": usage.writable_layers,
            "virtual_sum": usage.virtual,
            "build_cache": usage.build_cache,
        }
