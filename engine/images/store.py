"""
The records of images: what they are, what names them, and what happened to those names.

Every write is one transaction with the event that tells of it, and joins one that is open, so that
a pull becomes visible as a whole. Nothing here touches content or snapshots: who calls has brought
them before and holds a lease on them, or removes them after.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.errors import InvalidReference
from engine.images.queries import ImageQueries, name_of
from engine.images.record import (
    DocumentRecord,
    ImageRecord,
    ImageRemoval,
    LayerRecord,
    Pulled,
    TagMove,
)
from engine.images.schema import SCHEMA
from engine.oci.digest import Digest
from engine.oci.timestamps import microseconds, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.events import EventLog
    from engine.oci.config import ImageConfig
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, ImageID
    from engine.oci.reference import Reference
    from engine.system.clock import Clock
    from engine.system.database import Database, Row, Transaction

__all__ = [
    "SCHEMA",
    "DocumentRecord",
    "ImageRecord",
    "ImageRemoval",
    "ImageStore",
    "LayerRecord",
    "Pulled",
    "TagMove",
]

# Ways to come here that docker has an event of; pulls have their own, with the digest.
ARRIVALS = frozenset({"import", "load"})
# What goes with an image, in this order.
_OWN_ROWS = (("tags", "image_id"), ("repo_digests", "image_id"), ("images", "id"))
# A layer that is known without its archive learns of one that came later.
_INSERT_LAYER = """
    INSERT INTO layers VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (chain_id) DO UPDATE SET
        digest = excluded.digest, compressed_size = excluded.compressed_size,
        media_type = excluded.media_type, archive_bytes = excluded.archive_bytes
    WHERE layers.archive_bytes = 0 AND excluded.archive_bytes > 0
"""


class ImageStore(ImageQueries):
    """The images of one engine root."""

    def __init__(self, database: Database, events: EventLog, clock: Clock) -> None:
        super().__init__(database)
        self._events = events
        self._clock = clock

    def ensure_image(
        self,
        config: ImageConfig,
        layers: Sequence[LayerRecord],
        *,
        documents: Iterable[DocumentRecord] = (),
        manifest_digest: Digest | None = None,
        tags: Iterable[Reference] = (),
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """
        Record the image of *config* with *layers*, lowest first, and let *tags* name it.

        An image that is known keeps when and how it came; documents and tags are added. The
        layers' snapshots and the documents must be here, under a lease.
        """
        with self._database.write() as transaction:
            self._insert_image(transaction, config, manifest_digest, owner, source)
            _insert_layers(transaction, config.image_id, layers)
            transaction.execute_many(
                "INSERT OR IGNORE INTO image_documents VALUES (?, ?, ?)",
                [(str(config.image_id), str(each.digest), each.size) for each in documents],
            )
            for tag in tags:
                self.move_tag(tag, config.image_id, owner=owner, reason=source)
            return self._known(config.image_id)

    def tag(self, text: str, reference: Reference, *, owner: str = "") -> ImageRecord:
        """
        Let *reference* name the image that *text* names, whatever it named before.

        Raises `ImageNotFound`, or `InvalidReference` where *reference* has no tag or a digest.
        """
        if reference.digest is not None or reference.tag is None:
            raise InvalidReference(str(reference), "a name by digest cannot be given")
        with self._database.write():
            image = self.get(text)
            self.move_tag(reference, image.id, owner=owner, reason="tag")
            return self._known(image.id)

    def move_tag(self, reference: Reference, image_id: ImageID, *, owner: str, reason: str) -> bool:
        """Let *reference* name *image_id*; returns False where it does already."""
        with self._database.write() as transaction:
            previous = _tagged(transaction, reference)
            if previous == str(image_id):
                return False
            now = nanoseconds(self._clock.now())
            transaction.execute(
                "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)",
                (str(reference), str(image_id), now, owner),
            )
            self._note_move(transaction, reference, previous, str(image_id), owner, reason)
            attributes = {"name": reference.familiar, "by": owner, "previous": previous or ""}
            self._events.record("image", "tag", str(image_id), **attributes)
            return True

    def untag(self, name: Reference, *, owner: str = "", reason: str = "untag") -> None:
        """Take *name*, a tag or a name by digest, from its image, if it names one."""
        with self._database.write() as transaction:
            table = "repo_digests" if name.digest else "tags"
            row = transaction.execute(
                f"DELETE FROM {table} WHERE reference = ? RETURNING image_id",  # noqa: S608
                (str(name),),
            ).fetchone()
            if row is None:
                return
            if table == "tags":
                self._note_move(transaction, name, row["image_id"], None, owner, reason)
            attributes = {"name": name.familiar, "by": owner}
            self._events.record("image", "untag", row["image_id"], **attributes)

    def note_pull(
        self,
        reference: Reference,
        digest: Digest,
        image_id: ImageID,
        *,
        owner: str,
        is_at_registry: bool = True,
    ) -> None:
        """
        Record that *owner* pulled *reference*, which was *digest*, and got *image_id*.

        It has that name by digest from now on where *is_at_registry*.
        """
        with self._database.write() as transaction:
            if is_at_registry:
                name = name_of(reference.with_digest(digest))
                transaction.execute(
                    "INSERT OR REPLACE INTO repo_digests VALUES (?, ?, ?, ?)",
                    (str(name), str(image_id), nanoseconds(self._clock.now()), owner),
                )
            attributes = {"name": reference.familiar, "by": owner, "digest": str(digest)}
            self._events.record("image", "pull", str(image_id), **attributes)

    def note_push(
        self, reference: Reference, digest: Digest, image_id: ImageID, *, owner: str
    ) -> None:
        """Record that *owner* pushed *image_id* to *reference*, where it is *digest* now."""
        with self._database.write() as transaction:
            name = name_of(reference.with_digest(digest))
            # The image may be gone by now: it was only held until its bytes were there.
            transaction.execute(
                "INSERT OR REPLACE INTO repo_digests SELECT ?, id, ?, ? FROM images WHERE id = ?",
                (str(name), nanoseconds(self._clock.now()), owner, str(image_id)),
            )
            attributes = {"name": reference.familiar, "by": owner, "digest": str(digest)}
            self._events.record("image", "push", str(image_id), **attributes)

    def mark_used(self, image_id: ImageID) -> None:
        """Record that a container was made from the image, or started, just now."""
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE images SET last_used_at = ? WHERE id = ?",
                (nanoseconds(self._clock.now()), str(image_id)),
            )

    def keep_past(self, image: ImageRecord, *, owner: str = "") -> None:
        """
        Let the image of that ID have come when and how *image* did, with its names by digest.

        That is told as an image that was loaded: it may have no tag whose move tells of it.
        """
        used = nanoseconds(image.last_used_at) if image.last_used_at else None
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE images SET added_at = ?1, added_by = ?2, source = ?3,"
                " last_used_at = max(coalesce(last_used_at, ?4), coalesce(?4, last_used_at))"
                " WHERE id = ?5",
                (nanoseconds(image.added_at), image.added_by, image.source, used, str(image.id)),
            )
            transaction.execute_many(
                "INSERT OR IGNORE INTO repo_digests VALUES (?, ?, ?, ?)",
                [
                    (str(each), str(image.id), nanoseconds(image.added_at), image.added_by)
                    for each in image.repo_digests
                ],
            )
            name = image.tags[0].familiar if image.tags else ""
            self._events.record("image", "load", str(image.id), name=name, by=owner, trash="no")

    def forget_all(self, images: Sequence[ImageRecord], *, owner: str, reason: str) -> None:
        """
        Remove the records of *images*, as they are now, with all their names; see `untag`.

        The records of their layers stay.
        """
        now, ids = nanoseconds(self._clock.now()), json.dumps([str(each.id) for each in images])
        moves = [
            (str(tag), str(image.id), now, owner, reason) for image in images for tag in image.tags
        ]
        with self._database.write() as transaction:
            for table, column in _OWN_ROWS:
                transaction.execute(
                    f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608
                    (ids,),
                )
            transaction.execute_many(
                "INSERT INTO tag_moves (reference, previous, image_id, moved_at, moved_by, reason)"
                " VALUES (?, ?, NULL, ?, ?, ?)",
                moves,
            )
            self._events.record_many("image", list(_departures(images, owner)))

    def forget_layers(self, chain_ids: Iterable[str]) -> None:
        """Remove the records of layers that no image lists."""
        with self._database.write() as transaction:
            transaction.execute(
                "DELETE FROM layers WHERE chain_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(chain_ids)),),
            )

    def forget_layer(self, chain_id: str) -> Digest | None:
        """Remove the record of a layer that no image lists; return the digest of its archive."""
        with self._database.write() as transaction:
            row = transaction.execute(
                "DELETE FROM layers WHERE chain_id = ? RETURNING digest", (chain_id,)
            ).fetchone()
        return Digest.parse(row["digest"]) if row else None

    def note_archive(
        self, chain_id: ChainID, archive: Descriptor, *, archive_bytes: int = 0
    ) -> None:
        """Record that the layer travels as *archive*, of which the disk holds *archive_bytes*."""
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE layers SET digest = ?, compressed_size = ?, media_type = ?,"
                " archive_bytes = ? WHERE chain_id = ?",
                (
                    str(archive.digest),
                    archive.size,
                    archive.media_type,
                    archive_bytes,
                    str(chain_id),
                ),
            )

    def is_layer_listed(self, chain_id: str) -> bool:
        """
        Return whether an image lists the layer, or somebody else holds it (`LayerHolds`).

        Decide in the transaction that asks.
        """
        return bool(self.listed_layers([chain_id]))

    def listed_layers(self, chain_ids: Iterable[str]) -> set[str]:
        """Return those of the layers for which `is_layer_listed` is so."""
        rows = self._database.rows(
            "SELECT value FROM json_each(?)"
            " WHERE EXISTS (SELECT 1 FROM image_layers WHERE chain_id = value)"
            " OR EXISTS (SELECT 1 FROM held_layers WHERE chain_id = value)",
            (json.dumps(list(chain_ids)),),
        )
        return {row["value"] for row in rows}

    def is_layer_in_image(self, chain_id: str) -> bool:
        """Return whether an image lists the layer, whoever else holds it."""
        statement = "SELECT 1 FROM image_layers WHERE chain_id = ? LIMIT 1"
        return self._database.row(statement, (chain_id,)) is not None

    def has_layer_of(self, digest: Digest) -> bool:
        """Return whether a layer is here whose archive or whose tar has *digest*."""
        statement = "SELECT 1 FROM layers WHERE digest = ?1 OR diff_id = ?1 LIMIT 1"
        return self._database.row(statement, (str(digest),)) is not None

    def is_blob_listed(self, digest: Digest) -> bool:
        """Return whether the blob is a document of an image, a layer's archive here, or held."""
        return bool(self.listed_blobs([digest]))

    def listed_blobs(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those of the blobs for which `is_blob_listed` is so."""
        rows = self._database.rows(
            "SELECT value FROM json_each(?)"
            " WHERE EXISTS (SELECT 1 FROM image_documents WHERE digest = value)"
            " OR EXISTS (SELECT 1 FROM held_blobs WHERE digest = value)"
            " OR EXISTS (SELECT 1 FROM layers WHERE digest = value AND archive_bytes > 0)",
            (json.dumps([str(each) for each in digests]),),
        )
        return {Digest.parse(row["value"]) for row in rows}

    def _insert_image(
        self,
        transaction: Transaction,
        config: ImageConfig,
        manifest_digest: Digest | None,
        owner: str,
        source: str,
    ) -> None:
        manifest = str(manifest_digest) if manifest_digest else None
        now = nanoseconds(self._clock.now())
        created = microseconds(config.created_at) if config.created_at else None
        cursor = transaction.execute(
            "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
            (str(config.image_id), manifest, config.content, now, owner, source, created),
        )
        if cursor.rowcount and source in ARRIVALS:
            name = str(config.image_id)
            self._events.record("image", source, name, name=name, by=owner)

    def _note_move(
        self,
        transaction: Transaction,
        reference: Reference,
        previous: str | None,
        current: str | None,
        owner: str,
        reason: str,
    ) -> None:
        transaction.execute(
            "INSERT INTO tag_moves (reference, previous, image_id, moved_at, moved_by, reason)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (str(reference), previous, current, nanoseconds(self._clock.now()), owner, reason),
        )

    def _known(self, image_id: ImageID) -> ImageRecord:
        return self.get(str(image_id))


def _insert_layers(
    transaction: Transaction, image_id: ImageID, layers: Sequence[LayerRecord]
) -> None:
    transaction.execute_many(
        _INSERT_LAYER,
        [
            (
                str(each.chain_id),
                str(each.diff_id),
                str(each.digest),
                each.size,
                each.compressed_size,
                each.media_type,
                each.archive_bytes,
            )
            for each in layers
        ],
    )
    transaction.execute_many(
        "INSERT OR IGNORE INTO image_layers VALUES (?, ?, ?)",
        [(str(image_id), position, str(each.chain_id)) for position, each in enumerate(layers)],
    )


def _tagged(transaction: Transaction, reference: Reference) -> str | None:
    row: Row | None = transaction.execute(
        "SELECT image_id FROM tags WHERE reference = ?", (str(reference),)
    ).fetchone()
    return row["image_id"] if row else None


def _departures(
    images: Iterable[ImageRecord], owner: str
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield what there is to tell of images that go: their names first, each one's in turn."""
    for image in images:
        image_id = str(image.id)
        for name in image.names:
            yield "untag", image_id, {"name": name.familiar, "by": owner}
        yield "delete", image_id, {"name": image_id, "by": owner}
