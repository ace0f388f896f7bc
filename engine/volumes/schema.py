"""The tables of volumes."""

from __future__ import annotations

from engine.system.database import Schema

SCHEMA = Schema(
    "volumes",
    (
        """
        CREATE TABLE volumes (
            name TEXT PRIMARY KEY,
            settings TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            owner TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE volume_uses (
            volume TEXT NOT NULL REFERENCES volumes (name),
            container_id TEXT NOT NULL,
            is_mounted INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (volume, container_id)
        ) WITHOUT ROWID;
        CREATE INDEX volume_uses_by_container ON volume_uses (container_id)
        """,
    ),
)
