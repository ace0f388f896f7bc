"""
The volumes of one engine: one method for each verb.

Besides, what containers need of them: making and using in one step, filling at first use, mounting
what is a file system of its own.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.errors import MountFailed, SubpathNotFound, VolumeInUse, VolumeNotFound, from_oserror
from engine.mount import Mount
from engine.system.copying import copy_tree
from engine.system.files import measure, sync_filesystem
from engine.system.resolving import open_in_root
from engine.volumes.means import lock_name
from engine.volumes.places import PRIVATE, Places
from engine.volumes.record import VolumeRecord
from engine.volumes.settings import ANONYMOUS, VolumeSettings
from engine.volumes.trash import VolumeTrash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.volumes.means import VolumeMeans

__all__ = ["VolumeRecord", "VolumeSettings", "Volumes"]

NAME_BYTES = 32
NO_FILESYSTEM = "none"


class Volumes:
    """The volumes of one engine root."""

    def __init__(self, means: VolumeMeans) -> None:
        self._means = means
        self._store = means.store
        self._places = Places(means)
        self.trash = VolumeTrash(means, self._places)

    # --- Looking ------------------------------------------------------------------------------

    def get(self, name: str) -> VolumeRecord:
        """Return the volume *name*; raise `VolumeNotFound`."""
        return self._store.get(name)

    def find(self, name: str) -> VolumeRecord | None:
        """Return the volume *name*, or None."""
        return self._store.find(name)

    def holders(self, name: str) -> tuple[str, ...]:
        """Return the IDs of the containers that have the volume, running or not."""
        return self._store.holders(name)

    def list_users(self) -> dict[str, Sequence[str]]:
        """Return the IDs of the containers that have each volume that is in use."""
        return dict(self._store.list_users())

    def users(self) -> set[str]:
        """Return the IDs of all containers that have a volume."""
        return self._store.users()

    def users_among(self, container_ids: Iterable[str]) -> Sequence[str]:
        """Return those of the containers that have a volume, in their order."""
        wanted = tuple(container_ids)
        found = self._store.users_among(wanted)
        return [each for each in wanted if each in found]

    def unreleased(self, container_ids: Iterable[str]) -> set[str]:
        """Return those of the containers for which something is mounted on the host."""
        pins = self._means.pins
        pinned = (
            {each.name.partition("-")[0] for each in pins.iterdir()} if pins.exists() else set()
        )
        wanted = set(container_ids)
        return wanted & pinned | self._store.users_among(wanted, is_mounted=True)

    def used_by(self, container_id: str) -> list[VolumeRecord]:
        """Return the volumes that a container has."""
        return self._store.used_by(container_id)

    def size(self, name: str) -> int:
        """
        Return what the volume takes on the disk, measured now: what its removal would free.

        That is what it holds with the directories that hold it, and nothing that it shows of
        elsewhere.
        """
        record = self._store.get(name)
        with suppress(FileNotFoundError):
            return measure(self._store.locate(record.name), on_mount=True).bytes
        return 0

    # --- Living -------------------------------------------------------------------------------

    def create(self, settings: VolumeSettings, *, owner: str = "") -> VolumeRecord:
        """Make a volume and return its record; one of that name that is there already is fine."""
        return self._create(settings, owner=owner, container_id="")

    def create_for(
        self, container_id: str, settings: VolumeSettings, *, owner: str = ""
    ) -> VolumeRecord:
        """As `create`, and note in the same step that the container has it."""
        return self._create(settings, owner=owner, container_id=container_id)

    def remove(self, name: str, *, force: bool = False) -> int:
        """
        Remove a volume and return the freed bytes; raise `VolumeInUse` or `VolumeNotFound`.

        With *force*, one that is not there is fine.
        """
        with self._means.locks.held(lock_name(name)):
            with self._means.database.write():
                record = self._store.find(name)
                if record is None and force:
                    return 0
                if record is None:
                    raise VolumeNotFound(name)
                holders = self._store.holders(name)
                if holders:
                    raise VolumeInUse(name, holders=holders)
                self._store.delete(name)
                self._means.events.record("volume", "destroy", name, driver=record.driver)
            freed = self._places.discard(record.directory)
            self._means.locks.discard(lock_name(name))
        return freed

    def prune(
        self,
        *,
        include_named: bool = False,
        until: datetime | None = None,
        labels: Iterable[str] = (),
        without_labels: Iterable[str] = (),
    ) -> dict[str, int]:
        """
        Remove volumes that no container has; return their names and the bytes that came free.

        Only those that nobody named, unless told to *include_named*; of those only what was made
        before *until* and has all of *labels* and none of *without_labels*.
        """
        wanted, unwanted = tuple(labels), tuple(without_labels)
        removed = {}
        for record in self._store.list_all():
            is_meant = (
                (include_named or record.is_anonymous)
                and (until is None or record.created_at < until)
                and all(_has_label(record, each) for each in wanted)
                and not any(_has_label(record, each) for each in unwanted)
            )
            if is_meant and not self._store.holders(record.name):
                with suppress(VolumeInUse, VolumeNotFound):
                    removed[record.name] = self.remove(record.name)
        return removed

    def forget(self, container_id: str, *, with_anonymous: bool) -> list[str]:
        """
        Note that a container has no volume any more; joins the transaction that is open.

        Returns the names of those whose records went too, because nobody named them and nobody
        else has them, if told to: to be discarded afterwards.
        """
        with self._means.database.write():
            anonymous = [each for each in self._store.used_by(container_id) if each.is_anonymous]
            self._store.forget_uses(container_id)
            gone = [
                each for each in anonymous if with_anonymous and not self._store.holders(each.name)
            ]
            for record in gone:
                self._store.delete(record.name)
                self._means.events.record("volume", "destroy", record.name, driver=record.driver)
        return [each.name for each in gone]

    def discard(self, names: Iterable[str]) -> None:
        """Remove the data of volumes whose records went; one that was made anew stays."""
        for name in names:
            with self._means.locks.held(lock_name(name)):
                if self._store.find(name) is None:
                    self._places.clear(name)
                    self._means.locks.discard(lock_name(name))

    def list(self) -> list[VolumeRecord]:
        """Return every volume, by name."""
        return self._store.list_all()

    # --- For a container that is made or started ----------------------------------------------

    def fill(self, name: str, source: Path) -> None:
        """
        Give an empty volume what is in the directory *source*, with owners, modes and attributes.

        One that has something in it stays as it is. Nobody ever finds it half filled, unless others
        have it and see it grow.
        """
        record = self._store.get(name)
        with self._means.locks.held(lock_name(name)):
            if not _is_empty(record.mountpoint):
                return
            if len(self._store.holders(name)) > 1 or record.options:
                # Somebody may have this very directory mounted.
                copy_tree(source, record.mountpoint)
                return
            aside = record.directory / f".filling-{secrets.token_hex(4)}"
            aside.mkdir(mode=PRIVATE)
            copy_tree(source, aside)
            sync_filesystem(aside)
            aside.rename(record.mountpoint)

    def mount(self, name: str, container_id: str) -> VolumeRecord:
        """Return the volume with its data in place, and mounted if it is a file system."""
        record = self._store.get(name)
        with self._means.locks.held(lock_name(name)):
            self._places.make(record)
            if record.options:
                self._store.mark_mounted(name, container_id, is_mounted=True)
                if record.mountpoint not in self._means.mounter.list_mounts(record.mountpoint):
                    self._mount(record)
        return record

    def _mount(self, record: VolumeRecord) -> None:
        mount = volume_mount(record.settings)
        try:
            self._means.mounter.mount([mount], record.mountpoint)
        except MountFailed as error:
            device, place = record.settings.options["device"], record.mountpoint
            raise MountFailed(place, errno=error.errno, device=device) from error

    def pin(self, name: str, subpath: str, container_id: str) -> Path:
        """
        Return a place that shows *subpath* of a volume, whatever others do to its files meanwhile.

        Links on the way lead nowhere out of the volume. `unpin` undoes it. Raises
        `SubpathNotFound`.
        """
        record = self._store.get(name)
        root = os.open(record.mountpoint, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = open_in_root(root, os.fsencode(subpath), os.O_PATH)
        except OSError as error:
            raise SubpathNotFound(name, subpath) from error
        finally:
            os.close(root)
        try:
            place = self._make_pin(container_id, is_directory=_is_directory(found))
            shown = Mount("bind", f"/proc/self/fd/{found}", ("rbind",))
            self._means.mounter.mount([shown], place)
        finally:
            os.close(found)
        return place

    def unpin(self, container_id: str) -> None:
        """Undo every `pin` for a container; what it has mounted by then stays with it."""
        if not self._means.pins.exists():
            return
        mine = f"{container_id}-"
        for place in [each for each in self._means.pins.iterdir() if each.name.startswith(mine)]:
            self._means.mounter.unmount(place, lazily=True)
            # Never more than the name itself: below it was somebody's data.
            if place.is_dir():
                place.rmdir()
            else:
                place.unlink()

    def unmount(self, container_id: str) -> None:
        """Let go of the file systems that were mounted for a container, unless others need them."""
        for record in self._store.mounted_by(container_id):
            with self._means.locks.held(lock_name(record.name)):
                self._store.mark_mounted(record.name, container_id, is_mounted=False)
                if not self._store.needs_mount(record.name):
                    self._unmount(record)

    def sweep(self, known: set[str], users: set[str]) -> None:
        """
        Forget the uses of those *users* that are not *known*, and remove what has no record.

        *users* were asked for before *known* was.
        """
        for container_id in users - known:
            self.unmount(container_id)
            self._store.forget_uses(container_id)
        for directory in self._directories():
            with self._means.locks.tried(lock_name(directory.name)) as is_held:
                if is_held:
                    self._places.clear(directory.name)
        self._places.sweep()

    def _create(self, settings: VolumeSettings, *, owner: str, container_id: str) -> VolumeRecord:
        settings = settings if settings.name else _named(settings)
        with self._means.locks.held(lock_name(settings.name)):
            record = self._store.find(settings.name)
            directory = self._store.locate(settings.name)
            # Somebody may have died over removing one of that name.
            self._places.clear(settings.name)
            record = record or VolumeRecord(settings, directory, self._means.clock.now(), owner)
            self._places.make(record)
            with self._means.database.write():
                if self._store.find(record.name) is None:
                    self._store.insert(record)
                    self._means.events.record("volume", "create", record.name, driver=record.driver)
                if container_id:
                    self._store.use(record.name, container_id)
        return record

    def _make_pin(self, container_id: str, *, is_directory: bool) -> Path:
        place = self._means.pins / f"{container_id}-{secrets.token_hex(4)}"
        place.parent.mkdir(mode=PRIVATE, exist_ok=True)
        if is_directory:
            place.mkdir()
        else:
            place.touch()
        return place

    def _unmount(self, record: VolumeRecord) -> None:
        try:
            self._means.mounter.unmount(record.mountpoint)
        except MountFailed:
            self._means.mounter.unmount(record.mountpoint, lazily=True)

    def _directories(self) -> Iterable[Path]:
        parent = self._store.locate("x").parent
        return [each for each in parent.iterdir() if each.is_dir()] if parent.exists() else []


def volume_mount(settings: VolumeSettings) -> Mount:
    """Return the mount of a volume that is a file system of its own."""
    words = [each for each in settings.options.get("o", "").split(",") if each]
    kind = settings.options.get("type", "") or NO_FILESYSTEM
    if settings.is_bind:
        kind = "bind"
    return Mount(kind, settings.options["device"], tuple(words))


def _named(settings: VolumeSettings) -> VolumeSettings:
    labels = MappingProxyType({ANONYMOUS: "", **settings.labels})
    return replace(settings, name=secrets.token_hex(NAME_BYTES), labels=labels)


def _has_label(record: VolumeRecord, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in record.labels and (not equals or record.labels[name] == value)


def _is_empty(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError as error:
        raise from_oserror(error, f"look into {directory}") from error


def _is_directory(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)
