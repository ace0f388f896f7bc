"""
The records of volumes and of who uses them.

Every write joins the transaction that is open.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from engine.errors import VolumeNotFound
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.volumes.record import TrashedVolume, VolumeRecord
from engine.volumes.settings import VolumeSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.system.database import Database, Row


class VolumeStore:
    """The volumes of one engine root, as records."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database = database
        self._directory = directory

    def insert(self, record: VolumeRecord) -> None:
        """Add a volume; its name is free."""
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT INTO volumes VALUES (?, ?, ?, ?)",
                (
                    record.name,
                    json.dumps(record.settings.to_json()),
                    nanoseconds(record.created_at),
                    record.owner,
                ),
            )

    def delete(self, name: str) -> None:
        """Remove a volume that nobody uses."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM volumes WHERE name = ?", (name,))

    def find(self, name: str) -> VolumeRecord | None:
        """Return the volume of that name, or None."""
        row = self._database.row("SELECT * FROM volumes WHERE name = ?", (name,))
        return self._record(row) if row else None

    def get(self, name: str) -> VolumeRecord:
        """Return the volume of that name; raise `VolumeNotFound`."""
        record = self.find(name)
        if record is None:
            raise VolumeNotFound(name)
        return record

    def list_all(self) -> list[VolumeRecord]:
        """Return every volume, by name."""
        rows = self._database.rows("SELECT * FROM volumes ORDER BY name")
        return [self._record(row) for row in rows]

    def locate(self, name: str) -> Path:
        """Return the directory of a volume, whether it is there or not."""
        return self._directory / name

    # --- In the trash -------------------------------------------------------------------------

    def put_aside(self, trashed: TrashedVolume) -> None:
        """Move the record of a volume that nobody uses into the trash."""
        record = trashed.record
        values = (
            trashed.id,
            record.name,
            json.dumps(record.settings.to_json()),
            nanoseconds(record.created_at),
            record.owner,
            trashed.home,
            nanoseconds(trashed.trashed_at),
            trashed.trashed_by,
        )
        with self._database.write() as transaction:
            self.delete(record.name)
            transaction.execute(
                "INSERT INTO trashed_volumes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
            )

    def expect(self, trashed_id: str, name: str) -> None:
        """Note under which name the directory of a volume of the trash is going to be."""
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE trashed_volumes SET home = ? WHERE id = ? AND home != ?",
                (name, trashed_id, name),
            )

    def bring_back(self, trashed_id: str, record: VolumeRecord) -> None:
        """Move a record out of the trash; its name is free."""
        with self._database.write():
            self.forget_aside(trashed_id)
            self.insert(record)

    def forget_aside(self, trashed_id: str) -> None:
        """Remove the record of a volume of the trash."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM trashed_volumes WHERE id = ?", (trashed_id,))

    def find_aside(self, trashed_id: str) -> TrashedVolume | None:
        """Return the volume of that ID in the trash, or None."""
        row = self._database.row("SELECT * FROM trashed_volumes WHERE id = ?", (trashed_id,))
        return self._trashed(row) if row else None

    def list_aside(self) -> list[TrashedVolume]:
        """Return the volumes in the trash, the oldest first."""
        rows = self._database.rows("SELECT * FROM trashed_volumes ORDER BY trashed_at, id")
        return [self._trashed(row) for row in rows]

    def list_from(self, name: str) -> list[TrashedVolume]:
        """Return those of the trash whose directories may be called *name*, the newest first."""
        rows = self._database.rows(
            "SELECT * FROM trashed_volumes WHERE home = ? ORDER BY trashed_at DESC", (name,)
        )
        return [self._trashed(row) for row in rows]

    # --- Uses ---------------------------------------------------------------------------------

    def use(self, name: str, container_id: str) -> None:
        """Note that a container has the volume; raise `VolumeNotFound` if it has just gone."""
        with self._database.write() as transaction:
            self.get(name)
            transaction.execute(
                "INSERT OR IGNORE INTO volume_uses (volume, container_id) VALUES (?, ?)",
                (name, container_id),
            )

    def holders(self, name: str) -> tuple[str, ...]:
        """Return the IDs of the containers that have the volume, running or not."""
        rows = self._database.rows(
            "SELECT container_id FROM volume_uses WHERE volume = ? ORDER BY container_id", (name,)
        )
        return tuple(row["container_id"] for row in rows)

    def list_users(self) -> dict[str, list[str]]:
        """Return the IDs of the containers that have each volume that is in use."""
        users: dict[str, list[str]] = defaultdict(list)
        for row in self._database.rows("SELECT volume, container_id FROM volume_uses ORDER BY 2"):
            users[row["volume"]].append(row["container_id"])
        return users

    def used_by(self, container_id: str) -> list[VolumeRecord]:
        """Return the volumes that a container has."""
        rows = self._database.rows(
            "SELECT volumes.* FROM volumes JOIN volume_uses ON volume = name"
            " WHERE container_id = ? ORDER BY name",
            (container_id,),
        )
        return [self._record(row) for row in rows]

    def forget_uses(self, container_id: str) -> None:
        """Note that a container has no volume any more."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM volume_uses WHERE container_id = ?", (container_id,))

    def users(self) -> set[str]:
        """Return the IDs of all containers that have a volume."""
        rows = self._database.rows("SELECT DISTINCT container_id FROM volume_uses")
        return {row["container_id"] for row in rows}

    def users_among(self, container_ids: Iterable[str], *, is_mounted: bool = False) -> set[str]:
        """Return those of the containers that have a volume, or have one mounted."""
        rows = self._database.rows(
            "SELECT DISTINCT container_id FROM volume_uses"
            " WHERE container_id IN (SELECT value FROM json_each(?)) AND is_mounted >= ?",
            (json.dumps(list(container_ids)), is_mounted),
        )
        return {row["container_id"] for row in rows}

    def mark_mounted(self, name: str, container_id: str, *, is_mounted: bool) -> None:
        """Note whether a running container needs the volume to be mounted."""
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE volume_uses SET is_mounted = ? WHERE volume = ? AND container_id = ?",
                (is_mounted, name, container_id),
            )

    def needs_mount(self, name: str) -> bool:
        """Whether a running container needs the volume to be mounted."""
        row = self._database.row(
            "SELECT 1 FROM volume_uses WHERE volume = ? AND is_mounted LIMIT 1", (name,)
        )
        return row is not None

    def mounted_by(self, container_id: str) -> list[VolumeRecord]:
        """Return the volumes that are mounted for a container."""
        rows = self._database.rows(
            "SELECT volumes.* FROM volumes JOIN volume_uses ON volume = name"
            " WHERE container_id = ? AND is_mounted ORDER BY name",
            (container_id,),
        )
        return [self._record(row) for row in rows]

    def _trashed(self, row: Row) -> TrashedVolume:
        return TrashedVolume(
            id=row["id"],
            record=self._record(row),
            home=row["home"],
            trashed_at=from_nanoseconds(row["trashed_at"]),
            trashed_by=row["trashed_by"],
        )

    def _record(self, row: Row) -> VolumeRecord:
        return VolumeRecord(
            settings=VolumeSettings.from_json(json.loads(row["settings"])),
            directory=self._directory / row["name"],
            created_at=from_nanoseconds(row["created_at"]),
            owner=row["owner"],
        )
