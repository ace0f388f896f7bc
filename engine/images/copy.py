"""
Copying: from one registry to another, with nothing unpacked and nothing kept here.

Every document below the source is read first, verified, and so bounded; then the blobs that the
target lacks are mounted where both are one registry, or stream across, several at once and verified
on the way; then the documents go up, the lowest first and the one with the tag last. An index keeps
all its platforms unless only some are asked for. Until the last step the tag at the target names
what it did before.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import ForeignLayer
from engine.images.copy_plan import Collected, Collector, select_platforms
from engine.images.parallel import JointCancellation, results_of
from engine.images.record import Copied
from engine.images.referrers import tag_referrer
from engine.images.streamed import StreamedBlob
from engine.oci.media_types import is_foreign
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.images.copy_plan import CopiedDocument
    from engine.images.places import BlobPlaces
    from engine.oci.descriptor import Descriptor
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import RegistryClient
    from engine.registry.credentials import Credentials
    from engine.registry.registries import Connect

STREAMS = 4
MOUNT_SOURCES = 3


class Copier:
    """Copies images from registry to registry."""

    def __init__(self, *, connect: Connect, places: BlobPlaces) -> None:
        self._connect = connect
        self._places = places

    def copy(
        self,
        source: Reference,
        target: Reference,
        *,
        source_credentials: Credentials | None = None,
        target_credentials: Credentials | None = None,
        platforms: Sequence[Platform] = (),
        with_referrers: bool = False,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Copied:
        """
        Let *target* name at its registry what *source* names at its own.

        The digest stays the same, unless *platforms* takes some out of an index: a single one is
        copied as its manifest, several as an index of only them. *with_referrers* takes along what
        refers to the image, such as signatures. A target without a tag is named by the digest
        alone. Raises what reading from one and writing to the other raises; `ForeignLayer`.
        """
        joint = JointCancellation(cancellation)
        reader = self._connect(source.registry, credentials=source_credentials, cancellation=joint)
        writer = self._connect(target.registry, credentials=target_credentials, cancellation=joint)
        copy = _Copy(source, target, reader, writer, self._places, progress, joint)
        return copy.run(tuple(platforms), with_referrers=with_referrers)


@dataclass(frozen=True, slots=True)
class _Copy:
    """One copy at work."""

    source: Reference
    target: Reference
    reader: RegistryClient
    writer: RegistryClient
    places: BlobPlaces
    progress: ProgressSink
    cancellation: JointCancellation

    def run(self, platforms: tuple[Platform, ...], *, with_referrers: bool) -> Copied:
        """Do it, and return what was done."""
        self.progress.emit(Message(f"Copying {self.source.familiar} to {self.target.familiar}"))
        collector = Collector(self.reader, self.source, self.cancellation)
        top = select_platforms(self.reader, self.source, platforms)
        collected = collector.collect(top)
        referrers = collector.collect_referrers() if with_referrers else Collected()
        blobs = {each.digest: each for each in (*collected.blobs, *referrers.blobs)}
        copied = self._copy_blobs(list(blobs.values()))
        self._put_documents([*collected.documents, *referrers.documents])
        # Last of all: until now nobody who asks for the tag sees any of it.
        self._put_under(self._named(top), top)
        self.places.note(self.target.registry, self.target.repository, blobs)
        self.progress.emit(Message(f"Digest: {top.digest}"))
        return Copied(
            self.source, self.target, top.digest, sum(copied), len(blobs), len(referrers.documents)
        )

    def _named(self, top: CopiedDocument) -> Reference:
        return replace(self.target, digest=None) if self.target.tag else self._by_digest(top)

    def _by_digest(self, document: CopiedDocument) -> Reference:
        return self.target.with_digest(document.digest)

    def _put_documents(self, documents: Sequence[CopiedDocument]) -> None:
        """Put images side by side, and then, in their order, what lists or describes some."""
        images = [each for each in documents if each.is_image]
        with ThreadPoolExecutor(STREAMS, "manifest") as pool:
            results_of(
                [pool.submit(self._put, each) for each in images], cancellation=self.cancellation
            )
        for document in documents:
            if not document.is_image:
                self._put(document)

    def _put(self, document: CopiedDocument) -> None:
        self._put_under(self._by_digest(document), document)

    def _put_under(self, name: Reference, document: CopiedDocument) -> None:
        self.cancellation.check()
        answer = self.writer.push_manifest(name, document.content, media_type=document.media_type)
        if document.subject is not None and "oci-subject" not in answer.headers:
            tag_referrer(self.writer, self.target, document)

    def _copy_blobs(self, blobs: Sequence[Descriptor]) -> list[int]:
        for blob in blobs:
            if is_foreign(blob.media_type):
                raise ForeignLayer(blob.digest, media_type=blob.media_type)
            self._tell(blob, LayerStatus.WAITING)
        if blobs:
            # The first request gets the token that the ones side by side then share.
            self.writer.has_blob(self.target, blobs[0])
        with ThreadPoolExecutor(STREAMS, "copy") as pool:
            futures = [pool.submit(self._copy_blob, blob) for blob in blobs]
            return results_of(futures, cancellation=self.cancellation)

    def _copy_blob(self, blob: Descriptor) -> int:
        """Bring one blob across and return how many bytes that took."""
        self.cancellation.check()
        if self.writer.has_blob(self.target, blob):
            self._tell(blob, LayerStatus.THERE)
            return 0
        mounted = self.writer.push_blob(
            self.target,
            blob,
            StreamedBlob(self.reader, self.source, blob),
            mount_from=self._mount_sources(blob),
            moved=lambda moved: self._tell(blob, LayerStatus.PUSHING, current=moved),
        )
        if mounted:
            self._tell(blob, LayerStatus.MOUNTED, detail=mounted)
            return 0
        self._tell(blob, LayerStatus.PUSHED)
        return blob.size

    def _mount_sources(self, blob: Descriptor) -> list[str]:
        registry, repository = self.target.registry, self.target.repository
        seen = self.places.find(registry, blob.digest, other_than=repository)
        is_same = self.source.registry == registry
        sources = [self.source.repository, *seen] if is_same else seen
        return list(dict.fromkeys(sources))[:MOUNT_SOURCES]

    def _tell(
        self, blob: Descriptor, status: LayerStatus, *, current: int = 0, detail: str = ""
    ) -> None:
        total = blob.size if status is LayerStatus.PUSHING else 0
        self.progress.emit(LayerProgress(blob.digest.short, status, current, total, detail))
