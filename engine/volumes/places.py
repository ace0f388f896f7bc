"""
The directories of volumes: among the others, in the trash, or on their way to be deleted.

A record says where a directory belongs. One that somebody who died left elsewhere is put there by
`clear`, and one that no record knows is deleted.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import from_oserror
from engine.system.files import measure
from engine.system.removal import remove_tree
from engine.volumes.record import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.volumes.means import VolumeMeans
    from engine.volumes.record import TrashedVolume, VolumeRecord

PRIVATE, OPEN = 0o701, 0o755
KEPT, GOING = "kept-", "volume-"


class Places:
    """The directories of one engine's volumes; whoever changes one holds its name's lock."""

    def __init__(self, means: VolumeMeans) -> None:
        self._means = means
        self._store = means.store

    def make(self, record: VolumeRecord) -> None:
        """Let the directory of a volume be there."""
        if record.mountpoint.is_dir():
            return
        try:
            record.directory.mkdir(mode=PRIVATE, exist_ok=True)
            record.mountpoint.mkdir(exist_ok=True)
            record.mountpoint.chmod(OPEN)
            for directory in (record.directory, record.directory.parent):
                _sync(directory)
        except OSError as error:
            raise from_oserror(error, f"make the volume {record.name}") from error

    def clear(self, name: str) -> int:
        """
        Have nothing lie where volume *name* would, unless that is there; return the freed bytes.

        What belongs into the trash is moved there, all else is deleted.
        """
        directory = self._store.locate(name)
        if self._store.find(name) is not None or not directory.exists():
            return 0
        owner = self._find_unmoved(name)
        if owner is None:
            return self.discard(directory)
        self._move(directory, self._aside(owner))
        return 0

    def locate_aside(self, trashed: TrashedVolume) -> Path:
        """Return the directory of a volume of the trash, wherever it is at this moment."""
        aside = self._aside(trashed)
        is_elsewhere = self._find_unmoved(trashed.home) == trashed
        is_free = self._store.find(trashed.home) is None
        return self._store.locate(trashed.home) if is_elsewhere and is_free else aside

    def bring_back(self, trashed: TrashedVolume, directory: Path) -> None:
        """Move the directory of a volume out of the trash, so that no power cut undoes it."""
        with suppress(FileNotFoundError):
            self._move(self._aside(trashed), directory)

    def discard_aside(self, trashed: TrashedVolume) -> int:
        """Delete the directory of a volume of the trash; return the freed bytes."""
        return self.discard(self._aside(trashed))

    def discard(self, directory: Path) -> int:
        """Rename a directory away, then delete it; return the freed bytes."""
        self._means.mounter.unmount(directory / DATA, lazily=True)
        gone = self._means.trash / f"{GOING}{secrets.token_hex(8)}"
        with self._means.locks.held(_going(gone)):
            try:
                directory.rename(gone)
            except FileNotFoundError:
                return 0
            freed = measure(gone).bytes
            remove_tree(gone)
            self._means.locks.discard(_going(gone))
        return freed

    def sweep(self) -> None:
        """Delete what no record of the trash knows, and what somebody who died was deleting."""
        for directory in self._in_trash(KEPT):
            if self._store.find_aside(directory.name.removeprefix(KEPT)) is None:
                self.discard(directory)
        for directory in self._in_trash(GOING):
            with self._means.locks.tried(_going(directory)) as is_held:
                if is_held:
                    remove_tree(directory)
                    self._means.locks.discard(_going(directory))

    def _find_unmoved(self, name: str) -> TrashedVolume | None:
        """Return the volume of the trash whose directory is still, or again, called *name*."""
        for trashed in self._store.list_from(name):
            if not trashed.record.options and not self._aside(trashed).exists():
                return trashed
        return None

    def _aside(self, trashed: TrashedVolume) -> Path:
        return self._means.trash / f"{KEPT}{trashed.id}"

    def _move(self, old: Path, new: Path) -> None:
        old.rename(new)
        for directory in (new.parent, old.parent):
            _sync(directory)

    def _in_trash(self, prefix: str) -> Iterable[Path]:
        return list(self._means.trash.glob(f"{prefix}*"))


def _going(directory: Path) -> str:
    return f"volume-trash/{directory.name}"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
