"""
Whether the dashboard's database has every table, found out without waiting for Django.

Django's own answer costs a second at every start. What the checkout's migrations are, and what the
database says was applied, takes milliseconds; only when they are not what they were after the last
complete migration is Django asked to migrate.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from workers.host.checkout import CHECKOUT
from workers.host.stack import Stack

STAMP = "migrated"
LOCK = "requirements.lock"


def is_migrated(stack: Stack, environment: Mapping[str, str]) -> bool:
    """
    Return whether the database is known to be as the last migration left it.

    False is no harm: migrating again changes nothing. For a database server it always is False.
    """
    stamp = _stamp(stack)
    database = find_sqlite(stack, environment)
    if database is None or not database.exists() or not stamp.exists():
        return False
    return stamp.read_text() == fingerprint(database)


def write_stamp(stack: Stack, environment: Mapping[str, str]) -> None:
    """Remember that the database has just been migrated completely."""
    database = find_sqlite(stack, environment)
    if database is not None:
        _stamp(stack).write_text(fingerprint(database))


def find_sqlite(stack: Stack, environment: Mapping[str, str]) -> Path | None:
    """Return the file of the dashboard's database, or None if a server keeps it."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        return stack.data / "db.sqlite3"
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def fingerprint(database: Path, checkout: Path = CHECKOUT) -> str:
    """Return what changes with the checkout's migrations, the packages', or those applied."""
    digest = hashlib.sha256((checkout / LOCK).read_bytes())
    for path in sorted((checkout / "dashboard" / "migrations").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for row in list_applied(database):
        digest.update(repr(row).encode())
    return digest.hexdigest()


def list_applied(database: Path) -> list[tuple[str, str]]:
    """Return the migrations that *database* says were applied; none if it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
            return [(str(app), str(name)) for app, name in rows]
    except sqlite3.Error:
        return []


def _stamp(stack: Stack) -> Path:
    # Below the root, which only root may write: whoever could forge it could skip a migration.
    return stack.root / STAMP
