"""What is known about images: the records, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.oci.config import ImageConfig, read_labels

if TYPE_CHECKING:
    from datetime import datetime

    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID, Digest, ImageID
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference


KNOWN_CONFIGS = 2048


@lru_cache(maxsize=KNOWN_CONFIGS)
def _parsed(content: bytes) -> ImageConfig:
    return ImageConfig.parse(content)


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """
    One layer of this host.

    *digest*, *compressed_size* and *media_type* are of its archive: the bytes that a registry has
    of it; for a layer that was made here and never pushed they are of its plain tar.
    *archive_bytes* is what the archive takes on the disk: 0 where it is not kept and has to be made
    again. *size* is what the layer takes on the disk, unpacked.
    """

    chain_id: ChainID
    diff_id: DiffID
    digest: Digest
    size: int
    compressed_size: int
    media_type: str
    archive_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A manifest, index or config in the content store; *size* is what it takes on the disk."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """
    One image of this host.

    *config_content* are the bytes of its config. *layers* are lowest first. *repo_digests* are the
    names by digest under which it was pulled. *created_at* is what its config says, *added_at* when
    it came to this host. *source* is how it came: `registry`, `sync` (from another host),
    `starter`, `build`, `load`, `import`.
    """

    id: ImageID
    manifest_digest: Digest | None
    config_content: bytes = field(repr=False)
    created_at: datetime | None
    layers: tuple[LayerRecord, ...]
    documents: tuple[DocumentRecord, ...]
    tags: tuple[Reference, ...]
    repo_digests: tuple[Reference, ...]
    added_at: datetime
    added_by: str
    source: str
    last_used_at: datetime | None

    @property
    def config(self) -> ImageConfig:
        """Its config, read the first time that somebody asks."""
        return _parsed(self.config_content)

    @property
    def labels(self) -> dict[str, str]:
        """What its config is labelled with: quick, for those who look at all images."""
        return read_labels(self.config_content)

    @property
    def platform(self) -> Platform:
        """What it runs on."""
        return self.config.platform

    @property
    def size(self) -> int:
        """The bytes of all its unpacked layers on the disk, whoever else uses them."""
        return sum(layer.size for layer in self.layers)

    @property
    def is_dangling(self) -> bool:
        """Whether no tag names it; a name by digest does not count, as docker has it."""
        return not self.tags

    @property
    def names(self) -> tuple[Reference, ...]:
        """Every name it has: tags, then names by digest."""
        return self.tags + self.repo_digests


@dataclass(frozen=True, slots=True)
class ImageSketch:
    """What is known about an image without looking at its layers; see `ImageRecord`."""

    id: ImageID
    labels: dict[str, str] = field(hash=False)
    tags: tuple[Reference, ...]
    created_at: datetime | None
    added_at: datetime
    added_by: str
    last_used_at: datetime | None

    @property
    def is_dangling(self) -> bool:
        """Whether no tag names it."""
        return not self.tags


@dataclass(frozen=True, slots=True)
class TrashedImage:
    """An image in the trash, as it was when it went there."""

    record: ImageRecord
    trashed_at: datetime
    trashed_by: str


@dataclass(frozen=True, slots=True)
class TagMove:
    """
    One change of what a tag names.

    *previous* is None where the tag is new, *image_id* where it was taken away. *reason* is what
    did it: `pull`, `tag`, `untag`, `delete`, `starter`, `build`, `load`.
    """

    reference: Reference
    previous: ImageID | None
    image_id: ImageID | None
    moved_at: datetime
    moved_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """
    What a pull did.

    *digest* is what the reference named at the registry. *is_new* tells "Downloaded newer image"
    from "Image is up to date"; *fetched_bytes* came over the wire.
    """

    image: ImageRecord
    digest: Digest
    is_new: bool
    fetched_bytes: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """
    What a push did.

    *manifest* is what the tag *reference* names at its registry now; *sent_bytes* went over the
    wire, the manifest aside.
    """

    image: ImageRecord
    reference: Reference
    manifest: Descriptor
    sent_bytes: int

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return self.manifest.digest


@dataclass(frozen=True, slots=True)
class Copied:
    """
    What a copy did.

    *digest* is what *target* names now; *sent_bytes* of its *blobs* went across, the others were
    there or were mounted. *referrers* is how many documents that refer to it came along.
    """

    source: Reference
    target: Reference
    digest: Digest
    sent_bytes: int
    blobs: int
    referrers: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What giving an image to another host did: *sent_bytes* of it were asked for there."""

    reference: Reference
    image_id: ImageID
    digest: Digest
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class ImageRemoval:
    """
    What a removal did.

    *untagged* are the names that are gone. *deleted* are the image ID and the chain IDs of the
    layers that went with it, highest first: empty where only names went. *freed_bytes* is exact.
    """

    untagged: tuple[Reference, ...]
    deleted: tuple[Digest, ...]
    freed_bytes: int
