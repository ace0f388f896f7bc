"""Projecting volumes with who uses them, always all of them. Sizes are measured elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import events
from dashboard.models import Volume
from workers.inventory.rows import Difference, difference, is_worth_publishing, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.engine import Engine
    from engine.volumes.record import VolumeRecord


class VolumeProjection:
    """The volumes of *engine* as rows of *host*. Call everything under the host's lock."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def sync(self) -> bool:
        """Make the rows of all volumes true; return whether that changed anything."""
        volumes = self._engine.volumes
        wanted = {
            record.name: volume_values(record, volumes.holders(record.name))
            for record in volumes.list()
        }
        existing = Volume.objects.filter(host_id=self._host)
        found = difference(Volume, existing, wanted, key="name", common={"host_id": self._host})
        save(Volume, found, next(iter(wanted.values()), {}))
        self._publish(found)
        return bool(found)

    def _publish(self, found: Difference[Volume]) -> None:
        if is_worth_publishing(found):
            for row in found.gone:
                events.publish_removed("volume", host=self._host, object_id=row.name)
            for row in found.touched:
                events.publish_volume(row)


def volume_values(record: VolumeRecord, holders: Sequence[str]) -> dict[str, Any]:
    """Return what the row of *record* should say, with the IDs of the containers that use it."""
    return {
        "driver": record.driver,
        "mountpoint": str(record.mountpoint),
        "options": dict(record.options),
        "labels": dict(record.labels),
        "is_anonymous": record.is_anonymous,
        "owner": record.owner,
        "created_at": record.created_at,
        "holders": sorted(holders),
        "holder_count": len(holders),
    }
