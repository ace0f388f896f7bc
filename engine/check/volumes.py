"""Volumes: each with its directory, also those in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.check.findings import Damage, Finding, Found
from engine.errors import VolumeNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.volumes.record import TrashedVolume, VolumeRecord
    from engine.volumes.volumes import Volumes

LOST = "what it held is gone"


class VolumeCheck:
    """Looks at the volumes of one engine root; what they hold is nobody's business."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes
        self.count = 0

    def find(self) -> Iterator[Found]:
        """Yield those whose directory is lost, which nobody can bring back."""
        for record in self._volumes.list():
            self.count += 1
            if self._is_lost(record):
                yield Found(Finding(Damage.VOLUME_MISSING, record.name, LOST))
        for trashed in self._volumes.trash.list():
            self.count += 1
            if self._is_lost_aside(trashed):
                detail = f"in the trash: {LOST}"
                yield Found(Finding(Damage.VOLUME_MISSING, trashed.record.name, detail))

    def _is_lost(self, record: VolumeRecord) -> bool:
        # One with mount options is somewhere else, and one may go while it is looked at.
        is_there = bool(record.options) or record.directory.is_dir()
        return not is_there and self._volumes.find(record.name) == record

    def _is_lost_aside(self, trashed: TrashedVolume) -> bool:
        if trashed.record.options:
            return False
        try:
            # It may be on its way from one place to the other at the first look.
            places = (self._volumes.trash.locate(trashed.id) for _ in range(2))
            return not any(place.is_dir() for place in places)
        except VolumeNotFound:
            return False
