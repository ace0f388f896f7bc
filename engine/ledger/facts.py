"""
Reading from the records what a `Book` is to know.

There are many rows and few columns of each are needed, so they are read as they are, not as the
values that their owners make of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from engine.ledger.changes import (
    ARCHIVE,
    CONTAINER,
    IMAGE,
    LAYER,
    STEP,
    TRASHED_CONTAINER,
    TRASHED_IMAGE,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from engine.ledger.book import Book
    from engine.system.database import Database, Row

CHUNK = 500
NONE: frozenset[str] = frozenset()
Keys = frozenset[str] | set[str]

_IMAGES = """
    SELECT id, (SELECT chain_id FROM image_layers WHERE image_id = images.id
                ORDER BY position DESC LIMIT 1) AS top
    FROM images
"""
_TRASHED_IMAGES = """
    SELECT id, json_extract(content, '$.layers[#-1].chain_id') AS top,
           json_extract(content, '$.documents') AS documents
    FROM trashed_images
"""
_LAYERS = """
    SELECT s.key, s.size, p.key AS below FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent
    WHERE s.kind = 'committed'
"""


class Facts:
    """The records of one engine root."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fill(self, book: Book) -> None:
        """Tell an empty *book* all that is recorded."""
        _put_layers(book, self._rows(_LAYERS, "s.key", None))
        self._put_archives(book, None)
        for in_trash in (False, True):
            self._put_images(book, None, in_trash=in_trash)
        for in_trash in (False, True):
            self._put_containers(book, None, in_trash=in_trash)
        self._put_steps(book, None)

    def update(self, book: Book, changed: Mapping[str, Keys]) -> bool:
        """
        Tell *book* how the things are now that *changed* names.

        Returns False where it cannot follow and has to be made anew.
        """
        places = ((False, IMAGE, CONTAINER), (True, TRASHED_IMAGE, TRASHED_CONTAINER))
        self._drop_holders(book, changed)
        layers = changed.get(LAYER, NONE)
        there = self._rows(_LAYERS, "s.key", layers)
        if there and book.is_incomplete:
            return False
        if not book.drop_layers(set(layers) - {row["key"] for row in there}):
            return False
        _put_layers(book, there)
        self._put_archives(book, set(layers) | changed.get(ARCHIVE, NONE))
        for in_trash, images, _ in places:
            self._put_images(book, changed.get(images, NONE), in_trash=in_trash)
        for in_trash, _, containers in places:
            self._put_containers(book, changed.get(containers, NONE), in_trash=in_trash)
        self._put_steps(book, changed.get(STEP, NONE))
        return True

    def _drop_holders(self, book: Book, changed: Mapping[str, Keys]) -> None:
        for gone in self._gone("containers", "id", changed.get(CONTAINER, NONE)):
            book.drop_container(gone, in_trash=False)
        for gone in self._gone("trashed_containers", "id", changed.get(TRASHED_CONTAINER, NONE)):
            book.drop_container(gone, in_trash=True)
        for gone in self._gone("images", "id", changed.get(IMAGE, NONE)):
            book.drop_image(gone, in_trash=False)
        for gone in self._gone("trashed_images", "id", changed.get(TRASHED_IMAGE, NONE)):
            book.drop_image(gone, in_trash=True)
        for gone in self._gone("build_steps", "key", changed.get(STEP, NONE)):
            book.drop_step(gone)

    def _gone(self, table: str, column: str, keys: Keys) -> set[str]:
        rows = self._rows(f"SELECT {column} AS key FROM {table} WHERE 1", column, keys)  # noqa: S608
        return set(keys) - {row["key"] for row in rows}

    def _put_archives(self, book: Book, keys: Keys | None) -> None:
        statement = "SELECT chain_id, digest, archive_bytes FROM layers WHERE archive_bytes > 0"
        left = set(keys or ())
        for row in self._rows(statement, "chain_id", keys):
            left.discard(row["chain_id"])
            book.set_archive(row["chain_id"], row["digest"], row["archive_bytes"])
        for chain_id in left:
            book.set_archive(chain_id, "", 0)

    def _put_images(self, book: Book, keys: Keys | None, *, in_trash: bool) -> None:
        documents: dict[str, dict[str, int]] = defaultdict(dict)
        if not in_trash:
            statement = "SELECT image_id, digest, size FROM image_documents WHERE 1"
            for row in self._rows(statement, "image_id", keys):
                documents[row["image_id"]][row["digest"]] = row["size"]
        statement = f"{_TRASHED_IMAGES if in_trash else _IMAGES} WHERE 1"
        for row in self._rows(statement, "id", keys):
            found = dict(json.loads(row["documents"])) if in_trash else documents[row["id"]]
            book.put_image(row["id"], row["top"], found, in_trash=in_trash)

    def _put_containers(self, book: Book, keys: Keys | None, *, in_trash: bool) -> None:
        table = "trashed_containers" if in_trash else "containers"
        statement = f"SELECT id, image_id FROM {table} WHERE 1"  # noqa: S608
        for row in self._rows(statement, "id", keys):
            book.put_container(row["id"], row["image_id"], in_trash=in_trash)

    def _put_steps(self, book: Book, keys: Keys | None) -> None:
        for row in self._rows("SELECT key, chain_id FROM build_steps WHERE 1", "key", keys):
            book.put_step(row["key"], row["chain_id"])

    def _rows(self, statement: str, column: str, keys: Collection[str] | None) -> list[Row]:
        """Return the rows of *statement*, which has a condition, of those *keys*, None for all."""
        if keys is None:
            return self._database.rows(statement)
        wanted, found = tuple(keys), []
        for start in range(0, len(wanted), CHUNK):
            some = wanted[start : start + CHUNK]
            marks = ", ".join("?" * len(some))
            found += self._database.rows(f"{statement} AND {column} IN ({marks})", some)
        return found


def _put_layers(book: Book, rows: Collection[Row]) -> None:
    """Tell *book* of layers, each after the one below it: a parent may be the later row."""
    waiting = {row["key"]: row for row in rows}
    for key in tuple(waiting):
        for row in reversed(tuple(_unknown(key, waiting))):
            book.put_layer(row["key"], row["size"] or 0, row["below"])


def _unknown(key: str | None, waiting: dict[str, Row]) -> Iterator[Row]:
    while key is not None and key in waiting:
        row = waiting.pop(key)
        yield row
        key = row["below"]
