"""What is known about a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.volumes.settings import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from engine.volumes.settings import VolumeSettings

DATA = "_data"


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """One volume, as the engine's database has it; *directory* holds nothing but its data."""

    settings: VolumeSettings
    directory: Path
    created_at: datetime
    owner: str

    @property
    def name(self) -> str:
        """What it is called; unique on a host."""
        return self.settings.name

    @property
    def driver(self) -> str:
        """Always `local`."""
        return self.settings.driver

    @property
    def labels(self) -> Mapping[str, str]:
        """What people noted about it."""
        return self.settings.labels

    @property
    def options(self) -> Mapping[str, str]:
        """How it is mounted, if it is a file system of its own."""
        return self.settings.options

    @property
    def mountpoint(self) -> Path:
        """Where its data is on the host."""
        return self.directory / DATA

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody named it."""
        return ANONYMOUS in self.settings.labels


@dataclass(frozen=True, slots=True)
class TrashedVolume:
    """
    A volume in the trash, as it was when it went there; several may have had the same name.

    *home* is the name under which its directory is on the way from or to the other volumes.
    """

    id: str
    record: VolumeRecord
    home: str
    trashed_at: datetime
    trashed_by: str
