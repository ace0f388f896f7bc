"""Where the parts meet: the volumes of one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.volumes.means import VolumeMeans
from engine.volumes.store import VolumeStore
from engine.volumes.volumes import Volumes

if TYPE_CHECKING:
    from engine.events import EventLog
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.mounter import Mounter
    from engine.system.paths import EnginePaths


def open_volumes(
    paths: EnginePaths,
    *,
    database: Database,
    events: EventLog,
    clock: Clock,
    locks: Locks,
    mounter: Mounter,
) -> Volumes:
    """Return the volumes of the engine in *paths*."""
    return Volumes(
        VolumeMeans(
            database=database,
            store=VolumeStore(database, paths.volumes),
            events=events,
            clock=clock,
            locks=locks,
            mounter=mounter,
            trash=paths.trash,
            pins=paths.pins,
        )
    )
