"""What running containers use at this moment, for open pages; nothing of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import events
from dashboard.models import Container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.containers.stats import StatsSample
    from engine.engine import Engine


class Stats:
    """Samples all running containers of *host*."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def sample(self) -> None:
        """Tell pages what every running container uses, and the sizes that were measured last."""
        samples = self._engine.containers.list_stats()
        if samples:
            known = self._known([each.container_id for each in samples])
            rows = {
                each.container_id: sample_json(each, known.get(each.container_id, {}))
                for each in samples
            }
            events.publish_stats(self._host, rows)

    def _known(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = Container.objects.filter(host_id=self._host, container_id__in=ids)
        found = rows.values("container_id", "size", "virtual_size", "memory_limit")
        return {row["container_id"]: dict(row) for row in found}


def sample_json(sample: StatsSample, known: dict[str, Any]) -> dict[str, Any]:
    """Return what pages show; *known* is from the row: sizes, and the limit that was asked for."""
    return {
        "cpu_percent": sample.cpu_percent,
        "memory": sample.memory_bytes,
        "memory_limit": known.get("memory_limit"),
        "pids": sample.pids,
        "read_bytes": sample.read_bytes,
        "written_bytes": sample.written_bytes,
        "size": known.get("size"),
        "virtual_size": known.get("virtual_size"),
    }
