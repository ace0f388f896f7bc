"""Reading the records of images, and finding the one that somebody means."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.errors import AmbiguousID, ImageNotFound, InvalidReference
from engine.images.record import DocumentRecord, ImageRecord, ImageSketch, LayerRecord, TagMove
from engine.oci.config import read_labels
from engine.oci.digest import ChainID, DiffID, Digest, ImageID
from engine.oci.reference import Reference
from engine.oci.timestamps import from_microseconds, from_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.system.database import Database, Row

_ID_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})", re.ASCII)
KNOWN_NAMES = 32768
ALL = "1"
FEW = 256
_AMONG = "(SELECT value FROM json_each(?))"


class ImageQueries:
    """The images of one engine root, as values; every method sees one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_all(self) -> list[ImageRecord]:
        """Return every image, the newest by its own account first."""
        return self._list_where(f"{ALL} ORDER BY coalesce(created_us, 0) DESC, id DESC")

    def list_sketches(self, ids: Iterable[str] | None = None) -> list[ImageSketch]:
        """Return every image, or those of *ids* that are here, without a look at their layers."""
        chosen = None if ids is None else json.dumps(list(ids))
        values = () if chosen is None else (chosen,)
        of_them = "1" if chosen is None else "{} IN (SELECT value FROM json_each(?))"
        tags: dict[str, list[Reference]] = defaultdict(list)
        with self._database.read():
            statement = f"SELECT * FROM images WHERE {of_them.format('id')}"  # noqa: S608
            rows = self._database.rows(statement, values)
            where = f"{of_them.format('image_id')} ORDER BY reference"
            for row in self._database.rows(f"SELECT * FROM tags WHERE {where}", values):  # noqa: S608
                tags[row["image_id"]].append(_reference(row["reference"]))
        return [_sketch(row, tags[row["id"]]) for row in rows]

    def list_dangling(self) -> list[ImageSketch]:
        """Return the images that no tag names, those longest on this host first."""
        statement = "SELECT * FROM images WHERE id NOT IN (SELECT image_id FROM tags)"
        rows = self._database.rows(f"{statement} ORDER BY added_at, id")
        return [_sketch(row, ()) for row in rows]

    def find_by_id(self, image_id: ImageID) -> ImageRecord | None:
        """Return the image of that ID, or None."""
        return next(iter(self._list_where("id = ?", str(image_id))), None)

    def find(self, text: str) -> ImageRecord | None:
        """Return the image that *text* names, see `locate`, or None; the text may be anything."""
        try:
            return self.locate(text)[0]
        except (ImageNotFound, InvalidReference):
            return None

    def get(self, text: str) -> ImageRecord:
        """Return the image that *text* names, see `locate`."""
        return self.locate(text)[0]

    def locate(self, text: str) -> tuple[ImageRecord, Reference | None]:
        """
        Return the image that *text* names, and the name of it that this was, None for an ID.

        A whole ID comes first, then a name, then the beginning of an ID, as docker has it. Raises
        `ImageNotFound`, `AmbiguousID`, or `InvalidReference` for what can be neither.
        """
        prefix = _ID_PREFIX.fullmatch(text)
        if prefix and (len(prefix[1]) == 64 or text.startswith("sha256:")):
            return self._get_by_prefix(prefix[1], text), None
        reference = Reference.parse(text)
        image = self.find_by_reference(reference)
        if image is not None:
            return image, name_of(reference)
        if prefix:
            return self._get_by_prefix(prefix[1], text), None
        raise ImageNotFound(reference.familiar)

    def list_by_id(self, ids: Iterable[str]) -> list[ImageRecord]:
        """Return those of the images *ids* that are here."""
        return self._list_where(f"id IN {_AMONG}", json.dumps(list(ids)))

    def find_by_reference(self, reference: Reference) -> ImageRecord | None:
        """Return the image that *reference* names here, by its digest if it has one, or None."""
        table = "repo_digests" if reference.digest else "tags"
        where = f"id = (SELECT image_id FROM {table} WHERE reference = ?)"  # noqa: S608
        return next(iter(self._list_where(where, str(name_of(reference)))), None)

    def list_blobs(self) -> list[Digest]:
        """Return the blobs that images and layers of this host need."""
        rows = self._database.rows(
            "SELECT digest FROM image_documents"
            " UNION SELECT digest FROM layers WHERE archive_bytes > 0"
        )
        return [_digest(row["digest"]) for row in rows]

    def has_archive(self, digest: Digest) -> bool:
        """Return whether the blob is the archive of a layer."""
        statement = "SELECT 1 FROM layers WHERE digest = ? AND archive_bytes > 0"
        return self._database.row(statement, (str(digest),)) is not None

    def list_with_blob(self, digest: Digest) -> list[ImageRecord]:
        """Return the images of which the blob is a document or the archive of a layer."""
        return self._list_where(
            "id IN (SELECT image_id FROM image_documents WHERE digest = ?1 UNION"
            " SELECT image_id FROM layers JOIN image_layers USING (chain_id) WHERE digest = ?1)",
            str(digest),
        )

    def list_with_layer(self, chain_id: ChainID) -> list[ImageRecord]:
        """Return the images that have the layer."""
        condition = "id IN (SELECT image_id FROM image_layers WHERE chain_id = ?)"
        return self._list_where(condition, str(chain_id))

    def has_layer(self, chain_id: ChainID) -> bool:
        """Return whether an image of this host has the layer."""
        return (
            self._database.row("SELECT 1 FROM layers WHERE chain_id = ?", (str(chain_id),))
            is not None
        )

    def list_layers_upwards(self) -> list[LayerRecord]:
        """Return the layers of this host, each after those that it stands on."""
        rows = self._database.rows(
            "SELECT layers.*, min(position) AS height"
            " FROM layers JOIN image_layers USING (chain_id)"
            " GROUP BY chain_id ORDER BY height, chain_id"
        )
        return [_layer(row) for row in rows]

    def list_chain_ids(self) -> list[ChainID]:
        """Return the layers of this host."""
        rows = self._database.rows("SELECT chain_id FROM layers ORDER BY chain_id")
        return [ChainID(_digest(row["chain_id"])) for row in rows]

    def stack_below(self, chain_id: ChainID) -> tuple[LayerRecord, ...]:
        """Return the layers up to *chain_id*, the lowest first; none where no image has it."""
        rows = self._database.rows(
            "WITH one AS (SELECT image_id, position FROM image_layers WHERE chain_id = ? LIMIT 1)"
            " SELECT layers.* FROM one JOIN image_layers mine ON mine.image_id = one.image_id"
            " AND mine.position <= one.position JOIN layers ON layers.chain_id = mine.chain_id"
            " ORDER BY mine.position",
            (str(chain_id),),
        )
        return tuple(map(_layer, rows))

    def list_below(self, image: ImageRecord) -> list[ImageRecord]:
        """Return the other images whose stack of layers is a lower part of *image*'s, or all."""
        chains = json.dumps([str(layer.chain_id) for layer in image.layers])
        return self._list_where(
            "id != ?1 AND id IN (SELECT lower.image_id FROM image_layers lower"
            " WHERE lower.chain_id IN (SELECT value FROM json_each(?2)) AND NOT EXISTS"
            " (SELECT 1 FROM image_layers above WHERE above.image_id = lower.image_id"
            " AND above.position = lower.position + 1))",
            str(image.id),
            chains,
        )

    def list_above(self, image: ImageRecord) -> list[ImageRecord]:
        """Return the other images whose stack of layers begins with all of *image*'s."""
        if not image.layers:
            return []
        return self._list_where(
            "id != ?1 AND id IN (SELECT image_id FROM image_layers WHERE chain_id = ?2)",
            str(image.id),
            str(image.layers[-1].chain_id),
        )

    def moves_of_tag(self, reference: Reference) -> list[TagMove]:
        """Return what *reference* named in turn, the latest first."""
        rows = self._database.rows(
            "SELECT * FROM tag_moves WHERE reference = ? ORDER BY sequence DESC", (str(reference),)
        )
        return [_tag_move(row) for row in rows]

    def tags_of_repository(self, name: str) -> list[Reference]:
        """Return the tags of the repository *name*, which is written without a tag."""
        repository = Reference.parse(name).name
        # Every character that a tag may have sorts before ;, so this is a range of the key.
        rows = self._database.rows(
            "SELECT reference FROM tags WHERE reference > ? AND reference < ? ORDER BY reference",
            (f"{repository}:", f"{repository};"),
        )
        return [Reference.parse(row["reference"]) for row in rows]

    def repositories_with(self, chain_id: ChainID, registry: str, *, other_than: str) -> list[str]:
        """Return the repositories of *registry* that had that layer when last seen there."""
        rows = self._database.rows(
            "SELECT DISTINCT reference FROM image_layers JOIN repo_digests USING (image_id)"
            " WHERE chain_id = ? ORDER BY pulled_at DESC",
            (str(chain_id),),
        )
        names = (Reference.parse(row["reference"]) for row in rows)
        found = (each.repository for each in names if each.registry == registry)
        return list(dict.fromkeys(each for each in found if each != other_than))

    def tag_moves(self, image_id: ImageID) -> list[TagMove]:
        """Return how tags came to *image_id* and went from it, the latest first."""
        rows = self._database.rows(
            "SELECT * FROM tag_moves WHERE previous = ?1 OR image_id = ?1 ORDER BY sequence DESC",
            (str(image_id),),
        )
        return [_tag_move(row) for row in rows]

    def _get_by_prefix(self, prefix: str, text: str) -> ImageRecord:
        # Every digit sorts before g, so this is a range of the primary key.
        found = self._database.rows(
            "SELECT id FROM images WHERE id >= ? AND id < ? LIMIT 2",
            (f"sha256:{prefix}", f"sha256:{prefix}g"),
        )
        if len(found) > 1:
            raise AmbiguousID(prefix, field="image")
        image = self.find_by_id(ImageID(Digest.parse(found[0]["id"]))) if found else None
        if image is None:
            raise ImageNotFound(text)
        return image

    def _list_where(self, condition: str, *values: str) -> list[ImageRecord]:
        with self._database.read():
            rows = self._database.rows(f"SELECT * FROM images WHERE {condition}", values)  # noqa: S608
            # Few images are looked up through indexes; for many, whole tables are read once.
            only = json.dumps([row["id"] for row in rows]) if len(rows) <= FEW else None
            parts = _Parts(self._database, only) if rows else None
        return [parts.image(row) for row in rows] if parts else []


class _Parts:
    """What hangs on images, by image ID: of the images in a list, or of all."""

    def __init__(self, database: Database, only: str | None) -> None:
        where = f"WHERE image_id IN {_AMONG}" if only else ""
        values = (only,) if only else ()

        def grouped(table: str, order: str) -> dict[str, list[Row]]:
            groups: dict[str, list[Row]] = defaultdict(list)
            statement = f"SELECT * FROM {table} {where} ORDER BY {order}"  # noqa: S608
            for row in database.rows(statement, values):
                groups[row["image_id"]].append(row)
            return groups

        # A layer stands once however many images list it, and so does its record.
        listed = f"WHERE chain_id IN (SELECT chain_id FROM image_layers {where})" if only else ""  # noqa: S608
        layers = database.rows(f"SELECT * FROM layers {listed}", values)  # noqa: S608
        self._layer = {row["chain_id"]: _layer(row) for row in layers}
        self._layers = grouped("image_layers", "image_id, position")
        self._documents = grouped("image_documents", "image_id, digest")
        self._tags = grouped("tags", "reference")
        self._digests = grouped("repo_digests", "reference")

    def image(self, row: Row) -> ImageRecord:
        key, digest, used = row["id"], row["manifest_digest"], row["last_used_at"]
        created = row["created_us"]
        return ImageRecord(
            id=ImageID(_digest(key)),
            manifest_digest=_digest(digest) if digest else None,
            config_content=row["config"],
            created_at=from_microseconds(created) if created is not None else None,
            layers=tuple(self._layer[each["chain_id"]] for each in self._layers[key]),
            documents=tuple(_document(each) for each in self._documents[key]),
            tags=tuple(_reference(each["reference"]) for each in self._tags[key]),
            repo_digests=tuple(_reference(each["reference"]) for each in self._digests[key]),
            added_at=from_nanoseconds(row["added_at"]),
            added_by=row["added_by"],
            source=row["source"],
            last_used_at=from_nanoseconds(used) if used is not None else None,
        )


def _sketch(row: Row, tags: Iterable[Reference]) -> ImageSketch:
    created, used = row["created_us"], row["last_used_at"]
    return ImageSketch(
        id=ImageID(_digest(row["id"])),
        labels=read_labels(row["config"]),
        tags=tuple(tags),
        created_at=from_microseconds(created) if created is not None else None,
        added_at=from_nanoseconds(row["added_at"]),
        added_by=row["added_by"],
        last_used_at=from_nanoseconds(used) if used is not None else None,
    )


def name_of(reference: Reference) -> Reference:
    """Return the name that is recorded for *reference*: the digest wins over the tag."""
    return reference.with_digest(reference.digest) if reference.digest else reference


@lru_cache(maxsize=KNOWN_NAMES)
def _reference(text: str) -> Reference:
    return Reference.parse(text)


def _digest(text: str) -> Digest:
    # Written by us, so it need not be looked at again: there are many.
    return Digest(text.removeprefix("sha256:"))


def _layer(row: Row) -> LayerRecord:
    return LayerRecord(
        chain_id=ChainID(_digest(row["chain_id"])),
        diff_id=DiffID(_digest(row["diff_id"])),
        digest=_digest(row["digest"]),
        size=row["size"],
        compressed_size=row["compressed_size"],
        media_type=row["media_type"],
        archive_bytes=row["archive_bytes"],
    )


def _document(row: Row) -> DocumentRecord:
    return DocumentRecord(_digest(row["digest"]), row["size"])


def _tag_move(row: Row) -> TagMove:
    return TagMove(
        reference=Reference.parse(row["reference"]),
        previous=_image_id(row["previous"]),
        image_id=_image_id(row["image_id"]),
        moved_at=from_nanoseconds(row["moved_at"]),
        moved_by=row["moved_by"],
        reason=row["reason"],
    )


def _image_id(text: str | None) -> ImageID | None:
    return ImageID(_digest(text)) if text else None
