"""
Images that were put aside: nothing names them, and they can come back as they were.

Going into the trash and coming back are one transaction each. In the trash an image is a document
of its own, and a holder of its layers and blobs; these stay on the disk, and so does their space.
Only emptying lets go of them, and is not undone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import ImageInUse, ImageNotFound, RestoreConflict
from engine.images.dismantle import Dismantler
from engine.images.holds import LayerHolds
from engine.images.record import DocumentRecord, ImageRecord, LayerRecord, TrashedImage
from engine.images.remove import GONE
from engine.oci.digest import ChainID, DiffID, Digest, ImageID
from engine.oci.reference import Reference
from engine.oci.timestamps import from_nanoseconds, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from engine.images.gc import Collector
    from engine.images.ports import LayerSnapshots
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.system.clock import Clock
    from engine.system.database import Database, Row, Transaction

REASON = "trash"


@dataclass(frozen=True, slots=True)
class TrashedImageSketch:
    """What a list says of an image in the trash."""

    id: str
    tags: tuple[Reference, ...]
    owner: str
    trashed_at: datetime
    trashed_by: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """Which images left the trash for good, why others did not, and the bytes that came free."""

    ids: tuple[str, ...]
    refused: dict[str, str]
    freed_bytes: int


class Users(Protocol):
    """Knows the containers that were made from an image."""

    def present_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of those that are there."""

    def trashed_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of those that are in the trash."""


class ImageTrash:
    """The trash of one engine's images."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        snapshots: LayerSnapshots,
        leases: Leases,
        users: Users,
        collector: Collector,
        clock: Clock,
    ) -> None:
        self._database = database
        self._images = images
        self._leases = leases
        self._users = users
        self._dismantler = Dismantler(images=images, snapshots=snapshots, collector=collector)
        self._holds = LayerHolds(database)
        self._clock = clock

    def put(
        self,
        image_id: str,
        *,
        owner: str = "",
        objection: Callable[[ImageRecord], str] = lambda _: "",
    ) -> str:
        """
        Put an image with all its names into the trash; return *objection*'s words if it has any.

        It is asked in the transaction that moves the image. Where the same image is there already,
        and was brought anew meanwhile, that one gets these names too and stays its owner's. Raises
        `ImageNotFound`, or `ImageInUse` for one from which a container was made that is not in the
        trash itself.
        """
        with self._database.write():
            image = self._images.get(image_id)
            refusal = objection(image)
            if not refusal:
                self._refuse_used(image, self._users.present_holders(image.id))
                self._put_all([image], owner)
        return refusal

    def put_each(
        self, image_ids: Sequence[str], *, owner: str = "", objection: Callable[[ImageRecord], str]
    ) -> dict[str, str]:
        """
        Put those of the images that nothing keeps where they are into the trash.

        Returns why others stay, by their IDs. All go in one transaction; otherwise as `put`.
        """
        refused: dict[str, str] = {}
        with self._database.write():
            here = {str(each.id): each for each in self._images.list_by_id(image_ids)}
            going: list[ImageRecord] = []
            for image_id in image_ids:
                image = here.get(image_id)
                words = self._objection(image, objection) if image else GONE
                if words or image is None:
                    refused[image_id] = words
                else:
                    going.append(image)
            self._put_all(going, owner)
        return refused

    def _objection(self, image: ImageRecord, objection: Callable[[ImageRecord], str]) -> str:
        words = objection(image)
        users = () if words else self._users.present_holders(image.id)
        return ImageInUse(image.id.short, holders=users).message if users else words

    def _put_all(self, images: Sequence[ImageRecord], owner: str) -> None:
        with self._database.write() as transaction:
            for image in images:
                self._hold(image)
                kept = _joined(self._find(str(image.id)), image)
                transaction.execute(
                    "INSERT OR REPLACE INTO trashed_images VALUES (?, ?, ?, ?)",
                    (str(image.id), json.dumps(_written(kept)), self._now(), owner),
                )
            self._images.forget_all(images, owner=owner, reason=REASON)

    def restore(
        self, image_id: str, *, tags: Sequence[Reference] | None = None, owner: str = ""
    ) -> ImageRecord:
        """
        Bring an image back as it was, with its own tags or with *tags* instead.

        Raises `ImageNotFound`, or `RestoreConflict` where a tag names another image by now; then it
        stays in the trash.
        """
        with self._database.write() as transaction:
            image = self._get(image_id).record
            wanted = image.tags if tags is None else tuple(tags)
            for tag in wanted:
                self._check_tag(tag, image)
            self._images.ensure_image(
                image.config,
                image.layers,
                documents=image.documents,
                manifest_digest=image.manifest_digest,
                owner=image.added_by,
                source=image.source,
            )
            for tag in wanted:
                self._images.move_tag(tag, image.id, owner=owner, reason=REASON)
            self._images.keep_past(image, owner=owner)
            transaction.execute("DELETE FROM trashed_images WHERE id = ?", (str(image.id),))
            self._holds.release([_holder(image)])
            return self._images.get(str(image.id))

    def discard(self, image_id: str) -> int:
        """
        Let go of an image of the trash for good; return the bytes that came free.

        Raises `ImageNotFound`, or `ImageInUse` while a container of it is in the trash and the
        image nowhere else.
        """
        with self._database.write() as transaction:
            image = self._get(image_id).record
            self._refuse_needed(image)
            return self._discard_all(transaction, [image])

    def discard_each(self, image_ids: Sequence[str]) -> Discarded:
        """As `discard`, of several in one transaction; say which went and why others did not."""
        refused: dict[str, str] = {}
        with self._database.write() as transaction:
            going: list[ImageRecord] = []
            for image_id in image_ids:
                found = self._find(image_id)
                if found is None:
                    refused[image_id] = GONE
                    continue
                try:
                    self._refuse_needed(found.record)
                    going.append(found.record)
                except ImageInUse as error:
                    refused[image_id] = error.message
            freed = self._discard_all(transaction, going)
        return Discarded(tuple(str(each.id) for each in going), refused, freed)

    def _refuse_needed(self, image: ImageRecord) -> None:
        users = self._users.trashed_holders(image.id)
        if users and self._images.find_by_id(image.id) is None:
            self._refuse_used(image, users)

    def _refuse_used(self, image: ImageRecord, users: tuple[str, ...]) -> None:
        if users:
            raise ImageInUse(image.id.short, holders=users)

    def _discard_all(self, transaction: Transaction, images: Sequence[ImageRecord]) -> int:
        transaction.execute_many(
            "DELETE FROM trashed_images WHERE id = ?", [(str(each.id),) for each in images]
        )
        self._holds.release([_holder(each) for each in images])
        leased = self._leases.leased(transaction)
        return sum(each.bytes for each in self._dismantler.dismantle(transaction, images, leased))

    def _hold(self, image: ImageRecord) -> None:
        for layer in image.layers:
            self._holds.hold(_holder(image), layer.chain_id)
        for document in image.documents:
            self._holds.hold_blob(_holder(image), document.digest)

    def _get(self, image_id: str) -> TrashedImage:
        found = self._find(image_id)
        if found is None:
            raise ImageNotFound(image_id)
        return found

    def _find(self, image_id: str) -> TrashedImage | None:
        row = self._database.row("SELECT * FROM trashed_images WHERE id = ?", (image_id,))
        return _trashed(row) if row else None

    def _check_tag(self, tag: Reference, image: ImageRecord) -> None:
        holder = self._images.find(str(tag))
        if holder is not None and holder.id != image.id:
            free = self._free(tag)
            raise RestoreConflict(tag.familiar, holder=f"image {holder.id.short}", free=free)

    def _free(self, tag: Reference) -> str:
        number = 0
        while True:
            number += 1
            suffix = "-restored" + (f"-{number}" if number > 1 else "")
            candidate = f"{tag.familiar}{suffix}"
            if self._images.find(candidate) is None:
                return candidate

    def _now(self) -> int:
        return nanoseconds(self._clock.now())

    def sketches(self) -> Sequence[TrashedImageSketch]:
        """Return what lists say of what is in the trash, the oldest first."""
        rows = self._database.rows(
            "SELECT id, json_extract(content, '$.tags') AS tags,"
            " json_extract(content, '$.added_by') AS owner, trashed_at, trashed_by"
            " FROM trashed_images ORDER BY trashed_at, id"
        )
        return [
            TrashedImageSketch(
                row["id"],
                tuple(map(Reference.parse, json.loads(row["tags"]))),
                row["owner"],
                from_nanoseconds(row["trashed_at"]),
                row["trashed_by"],
            )
            for row in rows
        ]

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[TrashedImage]:
        """Return what is in the trash, the oldest first."""
        rows = self._database.rows("SELECT * FROM trashed_images ORDER BY trashed_at, id")
        return [_trashed(row) for row in rows]


def _holder(image: ImageRecord) -> str:
    return f"trash:{image.id}"


def _joined(there: TrashedImage | None, image: ImageRecord) -> ImageRecord:
    """Return *image* with what is known of it *there*, in the trash."""
    if there is None:
        return image
    known = there.record
    return replace(
        image,
        documents=tuple(
            {each.digest: each for each in (*known.documents, *image.documents)}.values()
        ),
        tags=tuple(dict.fromkeys((*known.tags, *image.tags))),
        repo_digests=tuple(dict.fromkeys((*known.repo_digests, *image.repo_digests))),
        added_at=known.added_at,
        added_by=known.added_by,
        source=known.source,
    )


def _written(image: ImageRecord) -> dict[str, Any]:
    return {
        "manifest": str(image.manifest_digest) if image.manifest_digest else None,
        "config": image.config_content.decode(errors="surrogateescape"),
        "layers": [_layer_written(each) for each in image.layers],
        "documents": [(str(each.digest), each.size) for each in image.documents],
        "tags": _names(image.tags),
        "repo_digests": _names(image.repo_digests),
        "added_at": nanoseconds(image.added_at),
        "added_by": image.added_by,
        "source": image.source,
        "last_used_at": nanoseconds(image.last_used_at) if image.last_used_at else None,
    }


def _layer_written(layer: LayerRecord) -> dict[str, Any]:
    return {
        "chain_id": str(layer.chain_id),
        "diff_id": str(layer.diff_id),
        "digest": str(layer.digest),
        "size": layer.size,
        "compressed_size": layer.compressed_size,
        "media_type": layer.media_type,
        "archive_bytes": layer.archive_bytes,
    }


def _names(names: Iterable[Reference]) -> list[str]:
    return [str(each) for each in names]


def _trashed(row: Row) -> TrashedImage:
    value = json.loads(row["content"])
    content = value["config"].encode(errors="surrogateescape")
    image_id = ImageID(Digest.parse(row["id"]))
    record = ImageRecord(
        id=image_id,
        manifest_digest=Digest.parse(value["manifest"]) if value["manifest"] else None,
        config_content=content,
        created_at=None,
        layers=tuple(_layer(each) for each in value["layers"]),
        documents=tuple(DocumentRecord(Digest.parse(d), size) for d, size in value["documents"]),
        tags=tuple(map(Reference.parse, value["tags"])),
        repo_digests=tuple(map(Reference.parse, value["repo_digests"])),
        added_at=from_nanoseconds(value["added_at"]),
        added_by=value["added_by"],
        source=value["source"],
        last_used_at=_moment(value["last_used_at"]),
    )
    return TrashedImage(record, from_nanoseconds(row["trashed_at"]), row["trashed_by"])


def _layer(value: dict[str, Any]) -> LayerRecord:
    return LayerRecord(
        chain_id=ChainID(Digest.parse(value["chain_id"])),
        diff_id=DiffID(Digest.parse(value["diff_id"])),
        digest=Digest.parse(value["digest"]),
        size=value["size"],
        compressed_size=value["compressed_size"],
        media_type=value["media_type"],
        archive_bytes=value["archive_bytes"],
    )


def _moment(value: int | None) -> datetime | None:
    return from_nanoseconds(value) if value is not None else None
