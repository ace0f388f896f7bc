"""The tables of containers: those that are there, and those in the trash, whole rows as JSON."""

from __future__ import annotations

from engine.system.database import Schema

SCHEMA = Schema(
    "containers",
    (
        """
        CREATE TABLE containers (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            image_id TEXT NOT NULL,
            image_reference TEXT NOT NULL,
            settings TEXT NOT NULL,
            command TEXT NOT NULL,
            state TEXT NOT NULL,
            pid INTEGER NOT NULL,
            exit_code INTEGER,
            oom_killed INTEGER NOT NULL,
            error TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            owner TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX containers_by_image ON containers (image_id);
        CREATE INDEX containers_by_state ON containers (state)
        """,
        """
        ALTER TABLE containers ADD COLUMN restart_count INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE containers ADD COLUMN was_stopped INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE containers ADD COLUMN restart_at INTEGER;
        ALTER TABLE containers ADD COLUMN backoff INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE containers ADD COLUMN health TEXT NOT NULL DEFAULT ''
        """,
        """
        CREATE TABLE trashed_containers (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            image_id TEXT NOT NULL,
            content TEXT NOT NULL,
            trashed_at INTEGER NOT NULL,
            trashed_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX trashed_containers_by_image ON trashed_containers (image_id)
        """,
        """
        ALTER TABLE containers ADD COLUMN labels TEXT NOT NULL DEFAULT ''
        """,
        "ALTER TABLE containers ADD COLUMN attached TEXT NOT NULL DEFAULT ''",
    ),
)
