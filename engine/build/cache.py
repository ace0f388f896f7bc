"""
What steps gave before.

A step is recognised by its key: the digest of the key before it, of all that the step says, and of
the files it takes. The first key of a stage is that of its base: the whole config of an image,
which names its layers. So equal keys mean equal results, whoever made them and when.

An entry that has a layer holds it: it stays until the entry is pruned. Entries say when they were
used last, and that is by what they are pruned.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.database import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from engine.images.holds import LayerHolds
    from engine.system.clock import Clock
    from engine.system.database import Database, Row

VERSION = 1
SCHEMA = Schema(
    "build",
    (
        """
        CREATE TABLE build_steps (
            key TEXT PRIMARY KEY,
            created_by TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            last_used_at INTEGER NOT NULL,
            uses INTEGER NOT NULL,
            chain_id TEXT,
            diff_id TEXT,
            size INTEGER NOT NULL,
            tar_size INTEGER NOT NULL,
            parent_chain_id TEXT
        ) WITHOUT ROWID;
        CREATE INDEX build_steps_by_chain_id ON build_steps (chain_id);
        CREATE INDEX build_steps_by_last_use ON build_steps (last_used_at)
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """
    A layer that a step made: *size* is what it takes on the disk, *tar_size* the length of its tar.
    """

    chain_id: ChainID
    diff_id: DiffID
    size: int
    tar_size: int


@dataclass(frozen=True, slots=True)
class CachedStep:
    """What a step gave: *layer* is None where it changed no file."""

    key: str
    created_by: str
    created_at: datetime
    last_used_at: datetime
    uses: int
    layer: MadeLayer | None
    parent: ChainID | None


def base_key(identity: str) -> str:
    """Return the key that a stage begins with, on the image *identity*, or on nothing if empty."""
    return _digest(["base", VERSION, identity])


def step_key(before: str, identity: dict[str, Any], *, files: str = "") -> str:
    """Return the key of a step after the key *before*; *files* is the digest of what it takes."""
    return _digest(["step", VERSION, before, identity, files])


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class StepCache:
    """The steps of one engine root."""

    def __init__(self, database: Database, holds: LayerHolds, clock: Clock) -> None:
        self._database = database
        self._holds = holds
        self._clock = clock

    def find(self, key: str) -> CachedStep | None:
        """Return what *key* gave before, or None."""
        row = self._database.row("SELECT * FROM build_steps WHERE key = ?", (key,))
        return _step(row) if row else None

    def find_each(self, keys: Iterable[str]) -> dict[str, CachedStep]:
        """Return what those of *keys* gave before that are known, by key."""
        rows = self._database.rows(
            "SELECT * FROM build_steps WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        return {row["key"]: _step(row) for row in rows}

    def together(self) -> AbstractContextManager[object]:
        """Open a transaction for what is leased and touched at once; see `touch`."""
        return self._database.write(survives_power_cut=False)

    def touch(self, keys: Iterable[str]) -> None:
        """Note that the entries *keys* are used now; joins the transaction that is open."""
        now = nanoseconds(self._clock.now())
        with self._database.write(survives_power_cut=False) as transaction:
            transaction.execute_many(
                "UPDATE build_steps SET last_used_at = ?, uses = uses + 1 WHERE key = ?",
                [(now, key) for key in keys],
            )

    def put(self, step: CachedStep) -> None:
        """Keep *step*; one of the same key stays as it is."""
        layer = step.layer
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT OR IGNORE INTO build_steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    step.key,
                    step.created_by,
                    nanoseconds(step.created_at),
                    nanoseconds(step.last_used_at),
                    step.uses,
                    str(layer.chain_id) if layer else None,
                    str(layer.diff_id) if layer else None,
                    layer.size if layer else 0,
                    layer.tar_size if layer else 0,
                    str(step.parent) if step.parent else None,
                ),
            )
            if layer is not None:
                self._holds.hold(_holder(step.key), layer.chain_id)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget the entries *keys*; their layers are for the collector then."""
        gone = tuple(keys)
        with self._database.write() as transaction:
            transaction.execute_many(
                "DELETE FROM build_steps WHERE key = ?", [(key,) for key in gone]
            )
            self._holds.release(_holder(key) for key in gone)

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[CachedStep]:
        """Return every entry, the one that was used longest ago first."""
        rows = self._database.rows("SELECT * FROM build_steps ORDER BY last_used_at, key")
        return [_step(row) for row in rows]


def _holder(key: str) -> str:
    return f"step:{key}"


def _step(row: Row) -> CachedStep:
    return CachedStep(
        key=row["key"],
        created_by=row["created_by"],
        created_at=from_nanoseconds(row["created_at"]),
        last_used_at=from_nanoseconds(row["last_used_at"]),
        uses=row["uses"],
        layer=_layer(row),
        parent=ChainID(Digest.parse(row["parent_chain_id"])) if row["parent_chain_id"] else None,
    )


def _layer(row: Row) -> MadeLayer | None:
    if row["chain_id"] is None:
        return None
    return MadeLayer(
        ChainID(Digest.parse(row["chain_id"])),
        DiffID(Digest.parse(row["diff_id"])),
        row["size"],
        row["tar_size"],
    )
