"""
The records of containers.

Every write joins the transaction that is open, so that a record changes together with the event
that tells of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import astuple
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.containers.health import Health
from engine.containers.record import (
    NOBODY,
    Attached,
    ContainerRecord,
    TrashedContainer,
    TrashedSketch,
)
from engine.containers.schema import SCHEMA
from engine.containers.state import ContainerState
from engine.errors import AmbiguousID, ContainerNotFound, NameTaken
from engine.oci.digest import Digest, ImageID
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.settings import ContainerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine.system.database import Database, Row

__all__ = ["SCHEMA", "ContainerRecord", "ContainerStore"]

KNOWN_SETTINGS = 16_384
IN_TRASH = "in the trash"
MICROSECOND = timedelta(microseconds=1)
_ID_PREFIX = re.compile(r"[0-9a-f]{1,64}", re.ASCII)


class ContainerStore:
    """The containers of one engine root, as records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, record: ContainerRecord) -> None:
        """Add a record; raise `NameTaken` where another container has its name."""
        values = {**_fixed(record), **_chosen(record), **_changing(record)}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._database.write() as transaction:
            self.check_name_is_free(record.name)
            transaction.execute(
                f"INSERT INTO containers ({names}) VALUES ({marks})",  # noqa: S608
                tuple(values.values()),
            )

    def check_name_is_free(self, name: str) -> None:
        """Raise `NameTaken` where a container has the name *name*."""
        row = self._database.row("SELECT id FROM containers WHERE name = ?", (name,))
        if row is not None:
            raise NameTaken(name, holder=row["id"])

    def save(self, record: ContainerRecord) -> None:
        """Write what changes in the life of a container: its state and how it came to it."""
        self._update(record.id, _changing(record))

    def save_chosen(self, record: ContainerRecord) -> None:
        """Write what people change: name and settings; raise `NameTaken`."""
        with self._database.write():
            holder = self._database.row("SELECT id FROM containers WHERE name = ?", (record.name,))
            if holder is not None and holder["id"] != record.id:
                raise NameTaken(record.name, holder=holder["id"])
            self._update(record.id, _chosen(record))

    def mark_stopped(self, container_id: str, *, is_stopped: bool) -> None:
        """Note whether the container was ended by hand; needs no lock, and is not in `save`."""
        self._update(container_id, {"was_stopped": is_stopped})

    def save_health(self, container_id: str, health: Health) -> None:
        """Write how the container does; needs no lock, but is overwritten by `save`."""
        self._update(container_id, {"health": _health(health)})

    def _update(self, container_id: str, values: dict[str, object]) -> None:
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._database.write() as transaction:
            transaction.execute(
                f"UPDATE containers SET {assignments} WHERE id = ?",  # noqa: S608
                (*values.values(), container_id),
            )

    def delete(self, container_id: str) -> None:
        """Remove a record; one that is not there is fine."""
        self.delete_each([container_id])

    def delete_each(self, container_ids: Iterable[str]) -> None:
        """As `delete`, of several."""
        with self._database.write() as transaction:
            transaction.execute(
                "DELETE FROM containers WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(container_ids)),),
            )

    def find_by_id(self, container_id: str) -> ContainerRecord | None:
        """Return the container of exactly that ID, or None."""
        row = self._database.row("SELECT * FROM containers WHERE id = ?", (container_id,))
        return _record(row) if row else None

    def get_by_id(self, container_id: str) -> ContainerRecord:
        """Return the container of exactly that ID; raise `ContainerNotFound`."""
        record = self.find_by_id(container_id)
        if record is None:
            raise ContainerNotFound(container_id)
        return record

    def get(self, text: str) -> ContainerRecord:
        """
        Return the container that *text* means: an ID, else a name, else the beginning of an ID.

        Raises `ContainerNotFound` or `AmbiguousID`.
        """
        row = self._database.row(
            "SELECT * FROM containers WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC", (text,)
        )
        if row is None and _ID_PREFIX.fullmatch(text):
            row = self._by_prefix(text)
        if row is None:
            raise ContainerNotFound(text)
        return _record(row)

    def list_all(self) -> list[ContainerRecord]:
        """Return every container, the newest first."""
        rows = self._database.rows("SELECT * FROM containers ORDER BY created_at DESC, id")
        return [_record(row) for row in rows]

    def list_by_id(self, ids: Iterable[str]) -> list[ContainerRecord]:
        """Return those of the containers *ids* that are there."""
        statement = "SELECT * FROM containers WHERE id IN (SELECT value FROM json_each(?))"
        return [_record(row) for row in self._database.rows(statement, (json.dumps(list(ids)),))]

    def touch(self, container_id: str) -> None:
        """Note that files of a container change that does not run: what was measured is old."""
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute("UPDATE containers SET state = state WHERE id = ?", (container_id,))

    def list_running(self) -> list[ContainerRecord]:
        """Return the containers that have a process, by their records."""
        return self.list_in(*(each for each in ContainerState if each.has_process))

    def list_in(self, *states: ContainerState) -> list[ContainerRecord]:
        """Return the containers whose records are in one of *states*."""
        marks = ", ".join("?" * len(states))
        rows = self._database.rows(
            f"SELECT * FROM containers WHERE state IN ({marks})",  # noqa: S608
            tuple(states),
        )
        return [_record(row) for row in rows]

    def holders(self, image_id: ImageID) -> tuple[str, ...]:
        """
        Return the names of the containers that were made from *image_id*, running or not.

        Those in the trash need it too, and are named as what they are.
        """
        return self.holders_of_each([str(image_id)]).get(str(image_id), ())

    def holders_of_each(self, image_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """As `holders`, of several images by their IDs; those without any are left out."""
        rows = self._database.rows(
            "WITH wanted (image_id) AS (SELECT value FROM json_each(?))"
            " SELECT image_id, name, 0 AS is_trashed FROM wanted JOIN containers USING (image_id)"
            " UNION ALL"
            " SELECT image_id, name, 1 FROM wanted JOIN trashed_containers USING (image_id)"
            " ORDER BY is_trashed, name",
            (json.dumps(list(image_ids)),),
        )
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            name = f"{row['name']} ({IN_TRASH})" if row["is_trashed"] else row["name"]
            found[row["image_id"]] = (*found.get(row["image_id"], ()), name)
        return found

    def present_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """As `holders`, without those in the trash."""
        rows = self._database.rows(
            "SELECT name FROM containers WHERE image_id = ? ORDER BY name", (str(image_id),)
        )
        return tuple(row["name"] for row in rows)

    def trashed_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of the containers in the trash that were made from *image_id*."""
        rows = self._database.rows(
            "SELECT name FROM trashed_containers WHERE image_id = ? ORDER BY name", (str(image_id),)
        )
        return tuple(row["name"] for row in rows)

    # --- The trash ----------------------------------------------------------------------------

    def put_aside(self, container_id: str, *, moment: datetime, owner: str) -> None:
        """Move a record into the trash; raise `ContainerNotFound`."""
        with self._database.write() as transaction:
            row = transaction.execute(
                "DELETE FROM containers WHERE id = ? RETURNING *", (container_id,)
            ).fetchone()
            if row is None:
                raise ContainerNotFound(container_id)
            transaction.execute(
                "INSERT INTO trashed_containers VALUES (?, ?, ?, ?, ?, ?)",
                (
                    row["id"],
                    row["name"],
                    row["image_id"],
                    json.dumps(dict(row)),
                    nanoseconds(moment),
                    owner,
                ),
            )

    def bring_back(self, record: ContainerRecord) -> None:
        """Move a record out of the trash, as it is now; raise `NameTaken`."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM trashed_containers WHERE id = ?", (record.id,))
            self.insert(record)
            self.mark_stopped(record.id, is_stopped=record.was_stopped)

    def forget_aside(self, container_ids: Iterable[str]) -> None:
        """Remove records from the trash."""
        with self._database.write() as transaction:
            transaction.execute(
                "DELETE FROM trashed_containers WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(container_ids)),),
            )

    def is_aside(self, container_id: str) -> bool:
        """Return whether the container of that ID is in the trash."""
        return self.find_aside(container_id) is not None

    def find_aside(self, container_id: str) -> TrashedContainer | None:
        """Return the container of that ID that is in the trash, or None."""
        row = self._database.row("SELECT * FROM trashed_containers WHERE id = ?", (container_id,))
        return _trashed(row) if row else None

    def list_aside(self) -> list[TrashedContainer]:
        """Return the containers in the trash, the oldest first."""
        rows = self._database.rows("SELECT * FROM trashed_containers ORDER BY trashed_at, id")
        return [_trashed(row) for row in rows]

    def sketch_aside(self) -> list[TrashedSketch]:
        """As `list_aside`, with no more than lists say: thousands may lie there."""
        rows = self._database.rows(
            "SELECT id, name, json_extract(content, '$.owner') AS owner, trashed_at, trashed_by"
            " FROM trashed_containers ORDER BY trashed_at, id"
        )
        return [
            TrashedSketch(
                row["id"],
                row["name"],
                row["owner"] or "",
                from_nanoseconds(row["trashed_at"]),
                row["trashed_by"],
            )
            for row in rows
        ]

    def _by_prefix(self, prefix: str) -> Row | None:
        # Every digit sorts before g, so this is a range of the primary key.
        found = self._database.rows(
            "SELECT * FROM containers WHERE id >= ? AND id < ? LIMIT 2", (prefix, f"{prefix}g")
        )
        if len(found) > 1:
            raise AmbiguousID(prefix, field="container")
        return found[0] if found else None


def _fixed(record: ContainerRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "image_id": str(record.image_id),
        "image_reference": record.image_reference,
        "command": json.dumps(record.command),
        "labels": _labels(record),
        "created_at": nanoseconds(record.created_at),
        "owner": record.owner,
        "attached": json.dumps(astuple(record.attached)),
    }


def _labels(record: ContainerRecord) -> str:
    """Return the labels for the record; nothing where the settings have all of them."""
    return "" if record.labels == record.settings.labels else json.dumps(dict(record.labels))


def _chosen(record: ContainerRecord) -> dict[str, object]:
    settings = json.dumps(record.settings.to_json())
    return {"name": record.name, "settings": settings, "labels": _labels(record)}


def _changing(record: ContainerRecord) -> dict[str, object]:
    return {
        "state": record.state,
        "pid": record.pid,
        "exit_code": record.exit_code,
        "oom_killed": record.oom_killed,
        "error": record.error,
        "started_at": _moment(record.started_at),
        "finished_at": _moment(record.finished_at),
        "restart_count": record.restart_count,
        "restart_at": _moment(record.restart_at),
        "backoff": record.backoff // MICROSECOND,
        "health": _health(record.health),
    }


def _health(health: Health | None) -> str:
    return "" if health is None else json.dumps(health.to_json())


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else nanoseconds(moment)


def _record(row: Row | dict[str, Any]) -> ContainerRecord:
    settings = _settings(row["settings"])
    # What went into the trash before there were any has none.
    labels = row["labels"] if "labels" in row.keys() else ""  # noqa: SIM118
    return ContainerRecord(
        id=row["id"],
        name=row["name"],
        image_id=ImageID(Digest.parse(row["image_id"])),
        image_reference=row["image_reference"],
        settings=settings,
        command=tuple(json.loads(row["command"])),
        state=ContainerState(row["state"]),
        pid=row["pid"],
        exit_code=row["exit_code"],
        oom_killed=bool(row["oom_killed"]),
        error=row["error"],
        created_at=from_nanoseconds(row["created_at"]),
        started_at=_time(row["started_at"]),
        finished_at=_time(row["finished_at"]),
        owner=row["owner"],
        restart_count=row["restart_count"],
        was_stopped=bool(row["was_stopped"]),
        restart_at=_time(row["restart_at"]),
        backoff=row["backoff"] * MICROSECOND,
        health=Health.from_json(json.loads(row["health"])) if row["health"] else None,
        labels=json.loads(labels) if labels else settings.labels,
        attached=_attached(row),
    )


def _attached(row: Row | dict[str, Any]) -> Attached:
    # The trash holds rows as they were, before that column too.
    text = row["attached"] if "attached" in row.keys() else ""  # noqa: SIM118 - of a Row it is
    if not text:
        return NOBODY
    # Those of before have no fourth.
    streams, rows, columns, *empty = json.loads(text)
    return Attached(tuple(streams), rows, columns, *map(tuple, empty))


def _trashed(row: Row) -> TrashedContainer:
    record = _record(json.loads(row["content"]))
    return TrashedContainer(record, from_nanoseconds(row["trashed_at"]), row["trashed_by"])


def _time(moment: int | None) -> datetime | None:
    return None if moment is None else from_nanoseconds(moment)


@lru_cache(maxsize=KNOWN_SETTINGS)
def _settings(text: str) -> ContainerSettings:
    return ContainerSettings.from_json(json.loads(text))
