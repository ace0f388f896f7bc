"""
What changed in the records that the ledger is made of, for whoever keeps one up to date.

Triggers note each change where it happens, in its own transaction, whichever process and whichever
part of the engine makes it. The list is bounded: who lags behind by more looks at everything anew.
The same triggers say when a size that was measured may be another one by now.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.system.database import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.system.database import Database

KEPT = 50_000
IMAGE, TRASHED_IMAGE = "image", "trashed-image"
CONTAINER, TRASHED_CONTAINER = "container", "trashed-container"
LAYER, ARCHIVE, STEP, SIZE = "layer", "archive", "step", "size"

_TABLES = f"""
    CREATE TABLE ledger_changes (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        noun TEXT NOT NULL,
        key TEXT NOT NULL
    );
    CREATE TRIGGER ledger_forgets AFTER INSERT ON ledger_changes BEGIN
        DELETE FROM ledger_changes WHERE sequence = NEW.sequence - {KEPT};
    END;
    CREATE TABLE ledger_sizes (
        word TEXT NOT NULL,
        name TEXT NOT NULL,
        bytes INTEGER,
        measured_at INTEGER NOT NULL DEFAULT 0,
        changed INTEGER NOT NULL DEFAULT 0,
        measured INTEGER NOT NULL DEFAULT -1,
        PRIMARY KEY (word, name)
    ) WITHOUT ROWID
"""  # noqa: S608


def _noting(table: str, event: str, noun: str, *keys: str, when: str = "") -> str:
    """Return a trigger that notes a change of *noun* for each of *keys* at *event* in *table*."""
    name = f"ledger_{table}_{event.partition(' ')[0].lower()}_{noun.replace('-', '_')}"
    notes = "".join(
        f" INSERT INTO ledger_changes (noun, key) VALUES ('{noun}', {key});"  # noqa: S608
        for key in keys
    )
    condition = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} AFTER {event} ON {table}{condition} BEGIN{notes} END"


def _followed(table: str, noun: str, key: str = "id", *, of: str = "") -> list[str]:
    update = f"UPDATE OF {of}" if of else "UPDATE"
    return [
        _noting(table, "INSERT", noun, f"NEW.{key}"),
        _noting(table, "DELETE", noun, f"OLD.{key}"),
        _noting(table, update, noun, f"NEW.{key}"),
    ]


_RUNS = "state, started_at, finished_at, restart_count"
_TRIGGERS = (
    *_followed("images", IMAGE),
    *_followed("trashed_images", TRASHED_IMAGE),
    *_followed("containers", CONTAINER, of=f"{_RUNS}, name, settings"),
    *_followed("trashed_containers", TRASHED_CONTAINER),
    *_followed("build_steps", STEP, "key"),
    _noting("image_documents", "INSERT", IMAGE, "NEW.image_id"),
    _noting("tags", "INSERT", IMAGE, "NEW.image_id"),
    _noting("tags", "DELETE", IMAGE, "OLD.image_id"),
    # A tag that is given again replaces a row, and of that no trigger tells.
    f"""
    CREATE TRIGGER ledger_tags_move BEFORE INSERT ON tags BEGIN
        INSERT INTO ledger_changes (noun, key)
        SELECT '{IMAGE}', image_id FROM tags WHERE reference = NEW.reference;
    END
    """,  # noqa: S608
    _noting("layers", "INSERT", ARCHIVE, "NEW.chain_id", when="NEW.archive_bytes > 0"),
    _noting("layers", "UPDATE OF digest, archive_bytes", ARCHIVE, "NEW.chain_id"),
    _noting("snapshots", "INSERT", LAYER, "NEW.key", when="NEW.kind = 'committed'"),
    _noting("snapshots", "DELETE", LAYER, "OLD.key", when="OLD.kind = 'committed'"),
    _noting(
        "snapshots",
        "UPDATE OF key, kind, size",
        LAYER,
        *("OLD.key", "NEW.key"),
        when="NEW.kind = 'committed' OR OLD.kind = 'committed'",
    ),
    _noting("ledger_sizes", "UPDATE OF bytes", SIZE, "NEW.word || ':' || NEW.name"),
    _noting("ledger_sizes", "DELETE", SIZE, "OLD.word || ':' || OLD.name"),
    # What a container has on the disk may change from here on, or has just come to rest.
    f"""
    CREATE TRIGGER ledger_container_runs AFTER UPDATE OF {_RUNS} ON containers BEGIN
        UPDATE ledger_sizes SET changed = changed + 1
        WHERE word IN ('writable', 'log') AND name = NEW.id;
        UPDATE ledger_sizes SET changed = changed + 1 WHERE word = 'volume' AND name IN
        (SELECT volume FROM volume_uses WHERE container_id = NEW.id);
    END;
    CREATE TRIGGER ledger_container_made AFTER INSERT ON containers BEGIN
        UPDATE ledger_sizes SET changed = changed + 1 WHERE word = 'volume' AND name IN
        (SELECT volume FROM volume_uses WHERE container_id = NEW.id);
    END;
    CREATE TRIGGER ledger_volume_comes AFTER INSERT ON volume_uses BEGIN
        UPDATE ledger_sizes SET changed = changed + 1
        WHERE word = 'volume' AND name = NEW.volume;
    END;
    CREATE TRIGGER ledger_volume_goes AFTER DELETE ON volume_uses BEGIN
        UPDATE ledger_sizes SET changed = changed + 1
        WHERE word = 'volume' AND name = OLD.volume;
    END;
    CREATE TRIGGER ledger_snapshot_goes AFTER DELETE ON snapshots BEGIN
        DELETE FROM ledger_sizes WHERE word = 'writable' AND name = OLD.key;
        DELETE FROM ledger_sizes WHERE word = 'log' AND name = OLD.key;
    END;
    CREATE TRIGGER ledger_volume_removed AFTER DELETE ON volumes BEGIN
        DELETE FROM ledger_sizes WHERE word = 'volume' AND name = OLD.name;
    END
    """,  # noqa: S608
)
_TRASHED_VOLUMES = """
    CREATE TRIGGER ledger_trashed_volume_goes AFTER DELETE ON trashed_volumes BEGIN
        DELETE FROM ledger_sizes WHERE word = 'trash' AND name = 'volume:' || OLD.id;
    END
"""
SCHEMA = Schema("ledger", (";\n".join((_TABLES, *_TRIGGERS)), _TRASHED_VOLUMES))


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed up to *sequence*, keys by noun; not *is_whole* where some is forgotten."""

    sequence: int
    keys: Mapping[str, set[str]] = field(default_factory=dict)
    is_whole: bool = True


def newest_change(database: Database) -> int:
    """Return the number of the last change."""
    row = database.row("SELECT max(sequence) AS newest FROM ledger_changes")
    return int(row["newest"] or 0) if row else 0


def changes_since(database: Database, sequence: int) -> Changes:
    """Return what changed after *sequence*."""
    rows = database.rows(
        "SELECT sequence, noun, key FROM ledger_changes WHERE sequence > ? ORDER BY sequence",
        (sequence,),
    )
    if not rows:
        return Changes(sequence)
    keys: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        keys[row["noun"]].add(row["key"])
    return Changes(rows[-1]["sequence"], keys, is_whole=rows[0]["sequence"] == sequence + 1)
