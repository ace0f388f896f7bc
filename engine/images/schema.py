"""
The tables of images.

Tag moves are kept when the image is gone: they say what an untagged image was, and cannot be told
again by looking. A layer stands once, whoever uses it; it is nobody's when no image lists it.
"""

from __future__ import annotations

from engine.system.database import Schema

SCHEMA = Schema(
    "images",
    (
        """
        CREATE TABLE images (
            id TEXT PRIMARY KEY,
            manifest_digest TEXT,
            config BLOB NOT NULL,
            added_at INTEGER NOT NULL,
            added_by TEXT NOT NULL,
            source TEXT NOT NULL,
            last_used_at INTEGER
        ) WITHOUT ROWID;
        CREATE TABLE layers (
            chain_id TEXT PRIMARY KEY,
            diff_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            size INTEGER NOT NULL,
            compressed_size INTEGER NOT NULL,
            media_type TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE image_layers (
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            chain_id TEXT NOT NULL REFERENCES layers (chain_id),
            PRIMARY KEY (image_id, position)
        ) WITHOUT ROWID;
        CREATE INDEX image_layers_by_chain_id ON image_layers (chain_id);
        CREATE TABLE image_documents (
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            size INTEGER NOT NULL,
            PRIMARY KEY (image_id, digest)
        ) WITHOUT ROWID;
        CREATE INDEX image_documents_by_digest ON image_documents (digest);
        CREATE TABLE tags (
            reference TEXT PRIMARY KEY,
            image_id TEXT NOT NULL REFERENCES images (id),
            moved_at INTEGER NOT NULL,
            moved_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX tags_by_image_id ON tags (image_id);
        CREATE TABLE repo_digests (
            reference TEXT PRIMARY KEY,
            image_id TEXT NOT NULL REFERENCES images (id),
            pulled_at INTEGER NOT NULL,
            pulled_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX repo_digests_by_image_id ON repo_digests (image_id);
        CREATE TABLE tag_moves (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            reference TEXT NOT NULL,
            previous TEXT,
            image_id TEXT,
            moved_at INTEGER NOT NULL,
            moved_by TEXT NOT NULL,
            reason TEXT NOT NULL
        );
        CREATE INDEX tag_moves_by_previous ON tag_moves (previous);
        CREATE INDEX tag_moves_by_image_id ON tag_moves (image_id)
        """,
        """
        ALTER TABLE layers ADD COLUMN archive_bytes INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX layers_by_digest ON layers (digest)
        """,
        """
        ALTER TABLE images ADD COLUMN created_us INTEGER;
        UPDATE images SET created_us = 1000000 * CAST(
            strftime('%s', json_extract(CAST(config AS TEXT), '$.created')) AS INTEGER
        )
        """,
        """
        CREATE INDEX tag_moves_by_reference ON tag_moves (reference)
        """,
        """
        CREATE TABLE held_layers (
            holder TEXT NOT NULL,
            chain_id TEXT NOT NULL,
            PRIMARY KEY (holder, chain_id)
        ) WITHOUT ROWID;
        CREATE INDEX held_layers_by_chain_id ON held_layers (chain_id)
        """,
        """
        CREATE TABLE trashed_images (
            id TEXT PRIMARY KEY,
            content TEXT NOT NULL,
            trashed_at INTEGER NOT NULL,
            trashed_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE held_blobs (
            holder TEXT NOT NULL,
            digest TEXT NOT NULL,
            PRIMARY KEY (digest, holder)
        ) WITHOUT ROWID
        """,
        """
        CREATE INDEX held_blobs_by_holder ON held_blobs (holder)
        """,
    ),
)
