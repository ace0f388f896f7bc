"""The tables of volumes: those that are there, and those in the trash."""

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
        """
        CREATE TABLE trashed_volumes (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            settings TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            owner TEXT NOT NULL,
            home TEXT NOT NULL,
            trashed_at INTEGER NOT NULL,
            trashed_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX trashed_volumes_by_home ON trashed_volumes (home)
        """,
    ),
)
