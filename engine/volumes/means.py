"""Everything with which volumes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.events import EventLog
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.mounter import Mounter
    from engine.volumes.store import VolumeStore


@dataclass(frozen=True)
class VolumeMeans:
    """Everything with which volumes are kept."""

    database: Database
    store: VolumeStore
    events: EventLog
    clock: Clock
    locks: Locks
    mounter: Mounter
    trash: Path
    pins: Path


def lock_name(name: str) -> str:
    """Return what is locked while the volume *name* is made, moved or removed."""
    return f"volume/{name}"
