"""
Volumes that were put aside: nobody sees them, their names are free, and they can come back.

The record decides, and the directory follows. On the way into the trash it is renamed after the
record moved; on the way back before, after a note of the name that it is going to have. So whoever
dies in between leaves a volume in the trash, whose directory the next sweep, or whoever wants the
name first, puts there. A volume that is a file system of its own keeps only its record.

A container has its volumes as long as it is there or in the trash itself, and what is in use is not
put aside: so no container ever comes back to a volume that is in the trash.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.errors import RestoreConflict, VolumeInUse, VolumeNotFound
from engine.volumes.means import lock_name
from engine.volumes.record import TrashedVolume, VolumeRecord
from engine.volumes.settings import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.volumes.means import VolumeMeans
    from engine.volumes.places import Places
    from engine.volumes.settings import VolumeSettings

ID_BYTES = 8


class VolumeTrash:
    """The trash of one engine's volumes."""

    def __init__(self, means: VolumeMeans, places: Places) -> None:
        self._means = means
        self._store = means.store
        self._places = places

    def put(
        self,
        name: str,
        *,
        owner: str = "",
        objection: Callable[[VolumeRecord], str] = lambda _: "",
    ) -> TrashedVolume | str:
        """
        Put a volume that no container has into the trash; return it as it is there.

        Where *objection* has words these are returned, and nothing happens. Raises `VolumeNotFound`
        or `VolumeInUse`.
        """
        means = self._means
        with means.locks.held(lock_name(name)):
            with means.database.write():
                record = self._store.get(name)
                refusal = objection(record)
                if refusal:
                    return refusal
                holders = self._store.holders(name)
                if holders:
                    raise VolumeInUse(name, holders=holders)
                trashed = self._trashed(record, owner)
                self._store.put_aside(trashed)
                means.events.record("volume", "destroy", name, driver=record.driver, trash="yes")
            self._places.clear(name)
            means.locks.discard(lock_name(name))
        return trashed

    def restore(self, trashed_id: str, *, name: str = "") -> VolumeRecord:
        """
        Bring a volume back with all that it holds, under another *name* if one is given.

        Raises `VolumeNotFound`, or `RestoreConflict` where its name is taken; then it stays in the
        trash. Who gives one that nobody named a name has named it.
        """
        with self._held(trashed_id) as trashed:
            record = self._returning(trashed, name)
            with self._means.locks.held(lock_name(record.name)):
                self._check_name(record.name)
                self._places.clear(record.name)
                self._store.expect(trashed_id, record.name)
                self._places.bring_back(trashed, record.directory)
                with self._means.database.write():
                    self._store.bring_back(trashed_id, record)
                    self._means.events.record(
                        "volume", "create", record.name, driver=record.driver, trash="no"
                    )
                self._places.make(record)
        return record

    def discard(self, trashed_id: str) -> int:
        """Remove a volume of the trash for good; return the freed bytes."""
        with self._held(trashed_id) as trashed:
            self._store.forget_aside(trashed_id)
            freed = self._places.discard_aside(trashed)
            self._means.locks.discard(_lock(trashed_id))
        return freed

    def locate(self, trashed_id: str) -> Path:
        """Return the directory of a volume of the trash; raise `VolumeNotFound`."""
        return self._places.locate_aside(self._get(trashed_id))

    @contextmanager
    def _held(self, trashed_id: str) -> Iterator[TrashedVolume]:
        """Keep others from a volume of the trash, whose directory is in the trash as well."""
        with self._means.locks.held(_lock(trashed_id)):
            home = self._get(trashed_id).home
            with self._means.locks.held(lock_name(home)):
                self._places.clear(home)
            yield self._get(trashed_id)

    def _get(self, trashed_id: str) -> TrashedVolume:
        found = self._store.find_aside(trashed_id)
        if found is None:
            raise VolumeNotFound(trashed_id)
        return found

    def _trashed(self, record: VolumeRecord, owner: str) -> TrashedVolume:
        return TrashedVolume(
            id=secrets.token_hex(ID_BYTES),
            record=record,
            home=record.name,
            trashed_at=self._means.clock.now(),
            trashed_by=owner,
        )

    def _returning(self, trashed: TrashedVolume, name: str) -> VolumeRecord:
        settings = trashed.record.settings
        if name and name != settings.name:
            settings = _renamed(settings, name)
        directory = self._store.locate(settings.name)
        return replace(trashed.record, settings=settings, directory=directory)

    def _check_name(self, name: str) -> None:
        if self._store.find(name) is not None:
            raise RestoreConflict(name, holder="another volume", free=self._free(name))

    def _free(self, name: str) -> str:
        number = 1
        candidate = f"{name}-restored"
        while self._store.find(candidate) is not None:
            number += 1
            candidate = f"{name}-restored-{number}"
        return candidate

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[TrashedVolume]:
        """Return what is in the trash, the oldest first."""
        return self._store.list_aside()


def _lock(trashed_id: str) -> str:
    return f"volume-trash/{trashed_id}"


def _renamed(settings: VolumeSettings, name: str) -> VolumeSettings:
    labels = {key: value for key, value in settings.labels.items() if key != ANONYMOUS}
    return replace(settings, name=name, labels=MappingProxyType(labels))
