"""
Writable layers in memory: a tmpfs of a limited size for each container that wants one.

It stands in the run directory, `<run>/memory/<container>`, from the first start until the container
is removed or reset, and the image's layers below it stay on the disk, shared. A restart of the
machine takes it away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import from_oserror
from engine.mount import Mount
from engine.system.files import take_after

if TYPE_CHECKING:
    from pathlib import Path

    from engine.system.mounter import Mounter

DEFAULT_BYTES = 1 << 30
FILES, WORK = "fs", "work"


class MemoryLayers:
    """The writable layers in memory of one engine."""

    def __init__(self, directory: Path, mounter: Mounter) -> None:
        self._directory = directory
        self._mounter = mounter

    def find(self, container_id: str) -> Path | None:
        """Return where the layer of a container is, or None if it has none now."""
        place = self._directory / container_id
        return place if place in self._mounter.list_mounts(place) else None

    def ensure(self, container_id: str, *, limit: int, model: Path) -> Path:
        """Return where the layer of a container is, an empty one if it had none, as *model*."""
        found = self.find(container_id)
        if found is not None:
            return found
        place = self._directory / container_id
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            options = (f"size={limit or DEFAULT_BYTES}", "mode=0700")
            self._mounter.mount([Mount("tmpfs", "tmpfs", options)], place)
            for name in (FILES, WORK):
                (place / name).mkdir(exist_ok=True)
            take_after(place / FILES, model)
        except OSError as error:
            raise from_oserror(error, "make a writable layer in memory") from error
        return place

    def drop(self, container_id: str) -> None:
        """Give the memory back; a container without a layer is fine."""
        place = self._directory / container_id
        if place.exists():
            self._mounter.unmount(place, lazily=True)
            place.rmdir()

    def list_ids(self) -> list[str]:
        """Return the containers that have a layer in memory."""
        return [each.name for each in self._directory.iterdir()] if self._directory.exists() else []
