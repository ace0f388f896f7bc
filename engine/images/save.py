"""
Saving: images as one tar that docker, podman, skopeo and we ourselves can load.

The tar is both docker's archive and an OCI layout over the same blobs. Its documents come first, so
that a reader knows what the layers are when it meets them. A layer is written as it travels to a
registry, which keeps its digest; one that never did is written as its plain tar. Nothing is
gathered in memory or on the disk: the stream may be a pipe.
"""

from __future__ import annotations

import enum
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard
from isal import igzip

from engine.errors import CorruptStore, ImageNotFound, from_oserror
from engine.images import archive_layout as layout
from engine.images.resources import blob_resource, layer_resource
from engine.oci import manifest as manifests
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest, parse_manifest, render_manifest
from engine.oci.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Compression
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.content.store import Store
    from engine.images.ports import LayerSource
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.leases import Lease, Leases
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink

CHUNK = 1 << 20
GZIP_LEVEL = 1
ZSTD_LEVEL = 3
_ID_CHARACTERS = frozenset("0123456789abcdef")


class ArchiveForm(enum.StrEnum):
    """Which readers an archive is for."""

    DOCKER = "docker"
    """docker's archive and an OCI layout in one."""
    OCI = "oci"
    """An OCI layout alone."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One image to save: what the archive says of it, and what it is made of."""

    saved: layout.SavedImage
    documents: tuple[tuple[Digest, bytes], ...]
    layers: tuple[LayerRecord, ...]


class Saver:
    """Saves images of one engine root."""

    def __init__(
        self, *, images: ImageStore, store: Store, source: LayerSource, leases: Leases
    ) -> None:
        self._images = images
        self._store = store
        self._source = source
        self._leases = leases

    def save(
        self,
        references: Sequence[str],
        out: BinaryIO,
        *,
        form: ArchiveForm = ArchiveForm.DOCKER,
        compression: Compression = Compression.NONE,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> None:
        """
        Write the images that *references* name to *out*, which is only written forward.

        A name goes with its image, a repository without a tag with all its tags, an ID without any.
        Raises `ImageNotFound` before anything is written; what was written before another error is
        no archive.
        """
        with self._leases.held() as lease:
            chosen = self._chosen(references)
            for image, _ in chosen:
                self._keep(lease, image)
            parts = [self._part(image, names) for image, names in chosen]
            with _packed(out, compression) as packed:
                _Writer(packed, self._source, progress, cancellation).write(parts, form)

    def _keep(self, lease: Lease, image: ImageRecord) -> None:
        lease.add(
            *(layer_resource(layer.chain_id) for layer in image.layers),
            *(blob_resource(layer.digest) for layer in image.layers),
            *(blob_resource(each.digest) for each in image.documents),
        )
        if self._images.find_by_id(image.id) is None:  # removed before the lease was taken
            raise ImageNotFound(image.id.short)

    def _chosen(self, references: Sequence[str]) -> list[tuple[ImageRecord, tuple[Reference, ...]]]:
        """Return the images to save, in the order asked for, each with the names to keep."""
        names: dict[str, dict[Reference, None]] = {}
        records: dict[str, ImageRecord] = {}
        for text in references:
            for image, name in self._meant(text):
                records.setdefault(str(image.id), image)
                kept = names.setdefault(str(image.id), {})
                if name is not None and name.digest is None:
                    kept[name] = None
        return [(records[key], tuple(kept)) for key, kept in names.items()]

    def _meant(self, text: str) -> Iterator[tuple[ImageRecord, Reference | None]]:
        tagged = self._images.tags_of_repository(text) if _is_name_only(text) else []
        if not tagged:
            yield self._images.locate(text)
            return
        for name in tagged:
            image = self._images.find_by_reference(name)
            if image is None:  # taken away between the two looks
                raise ImageNotFound(name.familiar)
            yield image, name

    def _part(self, image: ImageRecord, names: tuple[Reference, ...]) -> _Part:
        config = image.config.content
        manifest, documents = self._manifest(image)
        content = documents[0][1]
        descriptor = Descriptor(
            manifest.media_type, documents[0][0], len(content), image.config.platform
        )
        saved = layout.SavedImage(manifest.config.digest, descriptor, manifest.layers, names)
        return _Part(saved, (*documents, (manifest.config.digest, config)), image.layers)

    def _manifest(self, image: ImageRecord) -> tuple[Manifest, list[tuple[Digest, bytes]]]:
        """Return the manifest of *image*: as it came, or made now of what its layers are."""
        if image.manifest_digest is not None and self._store.has(image.manifest_digest):
            content = self._store.read_blob(image.manifest_digest, limit=manifests.MAX_BYTES)
            parsed = parse_manifest(content)
            if isinstance(parsed, Manifest) and self._is_as_it_came(parsed, image):
                return parsed, [(image.manifest_digest, content)]
        config = Descriptor(OCI_CONFIG, image.id, len(image.config.content))
        made = Manifest(OCI_MANIFEST, config, tuple(map(self._descriptor, image.layers)))
        content = render_manifest(made)
        return made, [(Digest.of(content), content)]

    def _is_as_it_came(self, manifest: Manifest, image: ImageRecord) -> bool:
        return [each.digest for each in manifest.layers] == [
            self._descriptor(layer).digest for layer in image.layers
        ]

    def _descriptor(self, layer: LayerRecord) -> Descriptor:
        archive = self._source.find_archive(layer)
        return archive or Descriptor(OCI_LAYER, layer.diff_id, layer.compressed_size)


@dataclass(frozen=True, slots=True)
class _Writer:
    out: BinaryIO
    source: LayerSource
    progress: ProgressSink
    cancellation: Cancellation

    def write(self, parts: Sequence[_Part], form: ArchiveForm) -> None:
        images = [part.saved for part in parts]
        for directory in ("blobs", layout.BLOBS.rstrip("/")):
            self._header(directory, 0, kind=tarfile.DIRTYPE, mode=0o755)
        self._file(layout.OCI_LAYOUT, layout.LAYOUT_CONTENT)
        self._file(layout.OCI_INDEX_NAME, layout.render_layout_index(images))
        if form is ArchiveForm.DOCKER:
            self._file(layout.DOCKER_MANIFEST, layout.render_docker_manifest(images))
            self._file(layout.DOCKER_REPOSITORIES, layout.render_repositories(images))
        documents = {digest: content for part in parts for digest, content in part.documents}
        for digest, content in documents.items():
            self._file(layout.blob_name(digest), content)
        layers = {
            descriptor.digest: (descriptor, layer)
            for part in parts
            for descriptor, layer in zip(part.saved.layers, part.layers, strict=True)
        }
        for descriptor, layer in layers.values():
            self._layer(descriptor, layer)
        self._put(bytes(2 * tarfile.BLOCKSIZE))

    def _file(self, name: str, content: bytes) -> None:
        self._header(name, len(content))
        self._put(content + bytes(-len(content) % tarfile.BLOCKSIZE))

    def _layer(self, descriptor: Descriptor, layer: LayerRecord) -> None:
        self._header(layout.blob_name(descriptor.digest), descriptor.size)
        written = 0
        with self._opened(descriptor, layer) as stream:
            while chunk := stream.read(CHUNK):
                self.cancellation.check()
                written += len(chunk)
                self._put(chunk)
                self._report(descriptor, written)
        if written != descriptor.size:
            # The header went out before: a reader must not take what follows for an archive.
            raise CorruptStore(f"layer {layer.chain_id} is not of the size that is recorded")
        self._put(bytes(-written % tarfile.BLOCKSIZE))

    def _opened(self, descriptor: Descriptor, layer: LayerRecord) -> BinaryIO:
        if descriptor.digest == layer.diff_id:
            return self.source.open_tar(layer)
        return self.source.open_archive(layer)[1]

    def _report(self, descriptor: Descriptor, written: int) -> None:
        event = LayerProgress(descriptor.digest.short, LayerStatus.SAVING, written, descriptor.size)
        self.progress.emit(event)

    def _header(
        self, name: str, size: int, *, kind: bytes = tarfile.REGTYPE, mode: int = 0o644
    ) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.type, entry.mode = size, kind, mode
        self._put(entry.tobuf(tarfile.GNU_FORMAT))

    def _put(self, content: bytes) -> None:
        remaining: memoryview = memoryview(content)
        try:
            while remaining:
                taken: int | None = self.out.write(remaining)
                # A raw stream may take less than it is given; many sinks do not say.
                remaining = remaining[len(remaining) if taken is None else taken :]
        except OSError as error:
            raise from_oserror(error, "write the archive") from error


@contextmanager
def _packed(out: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """Open *out*, which stays open, for bytes to be packed on their way."""
    if compression is Compression.GZIP:
        gzip = igzip.IGzipFile(  # type: ignore[no-untyped-call]
            filename="", mode="wb", fileobj=out, compresslevel=GZIP_LEVEL, mtime=0
        )
        with gzip:
            yield cast("BinaryIO", gzip)
    elif compression is Compression.ZSTD:
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        with compressor.stream_writer(out, closefd=False) as writer:
            yield cast("BinaryIO", writer)
    else:
        yield out


def _is_name_only(text: str) -> bool:
    """Return whether *text* names a repository alone, without tag, digest or being an ID."""
    is_id = text.startswith("sha256:") or (len(text) == 64 and set(text) <= _ID_CHARACTERS)
    return not is_id and "@" not in text and ":" not in text.rpartition("/")[2]
