"""
What is mounted into containers from outside their images: volumes and paths of the host.

*Resolving* decides it once, when a container is made: what the settings ask for, what other
containers have, and a volume for each place that the image wants one at. The answer is recorded,
so that every start mounts the same. Targets are opened by the runtime inside the root, whatever
links an image has put there; sources are the host's own.
"""

from __future__ import annotations

import json
import os
import posixpath
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.containers.writable import root_mounts
from engine.errors import InvalidSetting, SourceNotFound, from_oserror
from engine.settings.mounts import MountKind, MountPoint
from engine.settings.reading import read_value, write_value
from engine.system.database import Schema
from engine.system.resolving import open_in_root, path_in_root
from engine.volumes.settings import LOCAL, VolumeSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means, SourceImage
    from engine.containers.record import ContainerRecord

SCHEMA = Schema(
    "mounts",
    (
        """
        CREATE TABLE container_mounts (
            container_id TEXT PRIMARY KEY,
            mounts TEXT NOT NULL,
            is_filled INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
)
ACCESS = frozenset({"ro", "rw", "z", "Z"})
MADE = 0o755


class Mounting:
    """The mounts of one engine's containers; to be called with the container's lock held."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._volumes = means.volumes

    def prepare(self, record: ContainerRecord, image: SourceImage) -> None:
        """
        Decide what a new container has mounted, make its volumes and record it.

        Raises `InvalidSetting`, `SourceNotFound` or `ContainerNotFound`; `withdraw` clears away.
        """
        inherited = list(self._inherited(record.settings.volumes_from))
        mounts = resolve_mounts(record.settings.mounts, inherited, image.config.defaults.volumes)
        for mount in mounts:
            check_source(mount)
        mounts = [self._with_volume(each, record) for each in mounts]
        if mounts:
            self._save(record.id, mounts)

    def fill(self, record: ContainerRecord) -> None:
        """Give the empty volumes of a new container what its image has at their places."""
        if self._is_filled(record.id):
            return
        means, bundle = self._means, self._means.bundles.locate(record.id)
        # It says that there may be a mount to clear away.
        means.bundles.make_run(bundle)
        with means.mounter.mounted(root_mounts(means, record), bundle.rootfs):
            self.fill_from(bundle)
        # The mount made directories beside what the container is going to write.
        means.store.touch(record.id)
        means.bundles.remove_run(bundle)

    def fill_from(self, bundle: Bundle) -> None:
        """As `fill`, for a container whose root is mounted; done once, whoever begins it."""
        if self._is_filled(bundle.id):
            return
        for mount in self.mounts_of(bundle.id):
            if _is_to_fill(mount):
                self._fill_one(bundle, mount)
        with self._means.database.write() as transaction:
            transaction.execute(
                "UPDATE container_mounts SET is_filled = 1 WHERE container_id = ?", (bundle.id,)
            )

    def mounts_of(self, container_id: str) -> list[MountPoint]:
        """Return what a container has mounted, volumes by their names."""
        row = self._means.database.row(
            "SELECT mounts FROM container_mounts WHERE container_id = ?", (container_id,)
        )
        return [read_value(MountPoint, each) for each in json.loads(row["mounts"])] if row else []

    def list_mounts(self) -> dict[str, list[MountPoint]]:
        """Return what every container has mounted, by its ID; those with nothing are left out."""
        rows = self._means.database.rows("SELECT container_id, mounts FROM container_mounts")
        return {
            row["container_id"]: [
                read_value(MountPoint, each) for each in json.loads(row["mounts"])
            ]
            for row in rows
        }

    def entries(self, container_id: str) -> tuple[dict[str, Any], ...]:
        """
        Return the mounts for the runtime spec of a start, with every source in its place.

        Raises `SourceNotFound`, or what a volume's file system says.
        """
        return tuple(self._entry(each, container_id) for each in self.mounts_of(container_id))

    def let_go(self, container_id: str) -> None:
        """Let go of what was needed until the container's process had its mounts."""
        self._volumes.unpin(container_id)

    def release(self, container_id: str) -> None:
        """Let go of what was mounted on the host for a container that has no process any more."""
        self._volumes.unpin(container_id)
        self._volumes.unmount(container_id)

    def unreleased(self, container_ids: Sequence[str]) -> set[str]:
        """Return those of the containers for which `release` has something to do."""
        return self._volumes.unreleased(container_ids)

    def withdraw(self, container_id: str, *, with_anonymous: bool) -> list[str]:
        """
        Forget a container; joins the transaction that is open.

        Returns the volumes to discard afterwards: those that nobody named, if told to.
        """
        return self.withdraw_each({container_id: with_anonymous})

    def withdraw_each(self, containers: Mapping[str, bool]) -> list[str]:
        """As `withdraw`, of several, each with whether its anonymous volumes go."""
        with self._means.database.write() as transaction:
            transaction.execute(
                "DELETE FROM container_mounts"
                " WHERE container_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(containers)),),
            )
            return [
                name
                for each in self._volumes.users_among(containers)
                for name in self._volumes.forget(each, with_anonymous=containers[each])
            ]

    def _inherited(self, volumes_from: Iterable[str]) -> Iterator[MountPoint]:
        for text in volumes_from:
            ref, _, access = text.partition(":")
            if access and access not in ACCESS:
                raise InvalidSetting("volumes_from", f"invalid mode: {access[:40]}")
            other = self._means.store.get(ref)
            for mount in self.mounts_of(other.id):
                is_read_only = access == "ro" or (not access and mount.read_only)
                yield replace(mount, read_only=is_read_only)

    def _with_volume(self, mount: MountPoint, record: ContainerRecord) -> MountPoint:
        if mount.kind is not MountKind.VOLUME:
            return mount
        wanted = VolumeSettings(
            mount.source, mount.driver or LOCAL, mount.driver_options, mount.labels
        )
        made = self._volumes.create_for(record.id, wanted, owner=record.owner)
        return replace(mount, source=made.name)

    def _is_filled(self, container_id: str) -> bool:
        row = self._means.database.row(
            "SELECT 1 FROM container_mounts WHERE container_id = ? AND NOT is_filled",
            (container_id,),
        )
        return row is None

    def _fill_one(self, bundle: Bundle, mount: MountPoint) -> None:
        root = os.open(bundle.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            place = os.fsencode(mount.target)
            with suppress(OSError):
                os.close(open_in_root(root, place, os.O_PATH | os.O_DIRECTORY))
                source = bundle.rootfs / os.fsdecode(path_in_root(root, place))
                self._volumes.fill(mount.source, source)
        finally:
            os.close(root)

    def _save(self, container_id: str, mounts: list[MountPoint]) -> None:
        written = json.dumps([write_value(each) for each in mounts])
        is_filled = not any(map(_is_to_fill, mounts))
        with self._means.database.write() as transaction:
            transaction.execute(
                "INSERT OR REPLACE INTO container_mounts VALUES (?, ?, ?)",
                (container_id, written, is_filled),
            )

    def _entry(self, mount: MountPoint, container_id: str) -> dict[str, Any]:
        if mount.kind is MountKind.VOLUME:
            volume = self._volumes.mount(mount.source, container_id)
            if not mount.subpath:
                return spec_entry(mount, str(volume.mountpoint))
            place = self._volumes.pin(mount.source, mount.subpath, container_id)
            return spec_entry(mount, str(place))
        _ensure_source(mount)
        return spec_entry(mount, mount.source)


def resolve_mounts(
    asked: Iterable[MountPoint], inherited: Iterable[MountPoint], places: Iterable[str]
) -> list[MountPoint]:
    """
    Return the mounts of a container, one for each target, outer ones before those inside them.

    What is *asked* for stands above what is *inherited* from other containers, and both above the
    *places* at which the image wants volumes. What lives in memory is no affair of ours, but keeps
    its place.
    """
    chosen: dict[str, MountPoint] = {}
    wanted = [MountPoint(MountKind.VOLUME, each) for each in places if is_place(each)]
    for mount in (*wanted, *inherited, *asked):
        target = posixpath.normpath(mount.target)
        chosen[target] = replace(mount, target=target)
    kept = [each for each in chosen.values() if each.kind is not MountKind.TMPFS]
    return sorted(kept, key=lambda each: each.target.count("/"))


def is_place(text: str) -> bool:
    """Whether an image can want a volume at *text*; it may say anything."""
    is_sane = text.startswith("/") and "\0" not in text
    return is_sane and posixpath.normpath(text).strip("/") != ""


def check_source(mount: MountPoint) -> None:
    """Raise `SourceNotFound` where a path of the host is not there and is not to be made."""
    is_needed = mount.kind is MountKind.BIND and not mount.make_source
    if is_needed and not Path(mount.source).exists():
        raise SourceNotFound(mount.source)


def spec_entry(mount: MountPoint, source: str) -> dict[str, Any]:
    """Return the mount of a runtime spec that shows *source*."""
    options = ["rbind", *["ro"] * mount.read_only, mount.propagation or "rprivate"]
    return {"destination": mount.target, "type": "bind", "source": source, "options": options}


def _is_to_fill(mount: MountPoint) -> bool:
    return mount.kind is MountKind.VOLUME and not mount.no_copy and not mount.subpath


def _ensure_source(mount: MountPoint) -> None:
    path = Path(mount.source)
    if path.exists():
        return
    if not mount.make_source:
        raise SourceNotFound(mount.source)
    try:
        path.mkdir(mode=MADE, parents=True, exist_ok=True)
    except OSError as error:
        raise from_oserror(error, f"make {mount.source}") from error
