"""The verbs of images, as the engine offers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.images.compare import compare_images
from engine.images.dockerfile import render_dockerfile
from engine.images.history import HistoryRow, history_rows
from engine.images.lineage import Lineage, find_lineage
from engine.images.prune import Pruned, Pruner
from engine.images.prune_filters import PruneFilters
from engine.images.save import ArchiveForm
from engine.oci.media_types import Compression
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from typing import BinaryIO

    from engine.images.compare import Comparison
    from engine.images.copy import Copier
    from engine.images.files import ImageFiles, LayerFile, LayerFiles, LayerHit
    from engine.images.gc import Collector, Swept
    from engine.images.import_tar import Importer
    from engine.images.load import Loaded, Loader
    from engine.images.pull import Puller
    from engine.images.pull_all import AllTagsPuller
    from engine.images.push import Pusher
    from engine.images.record import (
        Copied,
        ImageRecord,
        ImageRemoval,
        ImageSketch,
        Pulled,
        Pushed,
        Synced,
        TagMove,
    )
    from engine.images.remove import Objection, RemovedImages, Remover
    from engine.images.save import Saver
    from engine.images.store import ImageStore
    from engine.images.sync_receive import Receiver, Wanted
    from engine.images.sync_send import Sender
    from engine.oci.digest import ChainID, Digest, ImageID
    from engine.oci.platform import Platform
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials


class StarterMaker(Protocol):
    """Makes the starter image."""

    def __call__(self, *, owner: str) -> ImageRecord:
        """Return the starter image, made now or before."""


class Images:
    """
    The images of one engine root.

    Where a *text* names an image it is a reference, an ID, or the beginning of an ID that no other
    image shares.
    """

    def __init__(
        self,
        *,
        store: ImageStore,
        puller: Puller,
        all_tags_puller: AllTagsPuller,
        pusher: Pusher,
        copier: Copier,
        sender: Sender,
        receiver: Receiver,
        remover: Remover,
        saver: Saver,
        loader: Loader,
        importer: Importer,
        files: LayerFiles,
        collector: Collector,
        make_starter: StarterMaker,
    ) -> None:
        self._store = store
        self._puller = puller
        self._all_tags_puller = all_tags_puller
        self._pusher = pusher
        self._copier = copier
        self._sender = sender
        self._receiver = receiver
        self._remover = remover
        self._saver = saver
        self._loader = loader
        self._importer = importer
        self._files = files
        self._collector = collector
        self._make_starter = make_starter

    def pull(
        self,
        reference: Reference | str,
        *,
        platform: Platform | None = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        """Bring an image from its registry; see `Puller.pull`."""
        return self._puller.pull(
            _parsed(reference),
            platform=platform,
            credentials=credentials,
            progress=progress,
            cancellation=cancellation,
            owner=owner,
        )

    def pull_all(
        self,
        name: Reference | str,
        *,
        platform: Platform | None = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> list[Pulled]:
        """Bring every tag of a repository; see `AllTagsPuller.pull_all`."""
        return self._all_tags_puller.pull_all(
            _parsed(name),
            platform=platform,
            credentials=credentials,
            progress=progress,
            cancellation=cancellation,
            owner=owner,
        )

    def push(
        self,
        reference: Reference | str,
        *,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pushed:
        """Bring an image of this host to its registry; see `Pusher.push`."""
        return self._pusher.push(
            _parsed(reference),
            credentials=credentials,
            progress=progress,
            cancellation=cancellation,
            owner=owner,
        )

    def copy(
        self,
        source: Reference | str,
        target: Reference | str,
        *,
        source_credentials: Credentials | None = None,
        target_credentials: Credentials | None = None,
        platforms: Sequence[Platform] = (),
        with_referrers: bool = False,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Copied:
        """Let *target* name at its registry what *source* does at its own; see `Copier.copy`."""
        return self._copier.copy(
            _parsed(source),
            _parsed(target),
            source_credentials=source_credentials,
            target_credentials=target_credentials,
            platforms=platforms,
            with_referrers=with_referrers,
            progress=progress,
            cancellation=cancellation,
        )

    def send(
        self,
        reference: Reference | str,
        reader: BinaryIO,
        writer: BinaryIO,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Synced:
        """Give an image to another host, which `receive`s it; see `Sender.send`."""
        return self._sender.send(
            _parsed(reference), reader, writer, progress=progress, cancellation=cancellation
        )

    def receive(
        self,
        reader: BinaryIO,
        writer: BinaryIO,
        *,
        wanted: Wanted | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        """Take an image that another host `send`s; see `Receiver.receive`."""
        return self._receiver.receive(
            reader,
            writer,
            wanted=wanted,
            progress=progress,
            cancellation=cancellation,
            owner=owner,
        )

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
        """Write images as one tar; see `Saver.save`."""
        self._saver.save(
            references,
            out,
            form=form,
            compression=compression,
            progress=progress,
            cancellation=cancellation,
        )

    def load(
        self,
        stream: BinaryIO,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Loaded:
        """Bring the images of an archive here; see `Loader.load`."""
        return self._loader.load(stream, progress=progress, cancellation=cancellation, owner=owner)

    def import_tar(
        self,
        stream: BinaryIO,
        *,
        reference: Reference | str | None = None,
        changes: Sequence[str] = (),
        message: str = "",
        platform: Platform | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> ImageRecord:
        """Make an image of the files in a bare tar; see `Importer.import_tar`."""
        parsed = Reference.parse(reference) if isinstance(reference, str) else reference
        return self._importer.import_tar(
            stream,
            reference=parsed,
            changes=changes,
            message=message,
            platform=platform,
            progress=progress,
            cancellation=cancellation,
            owner=owner,
        )

    def make_starter(self, *, owner: str = "") -> ImageRecord:
        """Return the starter image, made of the host's static busybox if it is not here yet."""
        return self._make_starter(owner=owner)

    def get(self, text: str) -> ImageRecord:
        """Return the image that *text* names; raise `ImageNotFound` or `InvalidReference`."""
        return self._store.get(text)

    def find(self, text: str) -> ImageRecord | None:
        """Return the image that *text* names, or None."""
        return self._store.find(text)

    def history(self, image_id: ImageID) -> list[HistoryRow]:
        """Return how the image was made, the newest instruction first; raise `ImageNotFound`."""
        return history_rows(self._store.get(str(image_id)))

    def tag(self, text: str, reference: Reference | str, *, owner: str = "") -> ImageRecord:
        """Give the image that *text* names one more name, taking it from who has it."""
        parsed = Reference.parse(reference) if isinstance(reference, str) else reference
        return self._store.tag(text, parsed, owner=owner)

    def tag_moves(self, image_id: ImageID) -> list[TagMove]:
        """Return how tags came to the image and went from it, the latest first."""
        return self._store.tag_moves(image_id)

    def tag_history(self, reference: Reference | str) -> list[TagMove]:
        """Return what the tag named in turn, the latest first."""
        parsed = Reference.parse(reference) if isinstance(reference, str) else reference
        return self._store.moves_of_tag(parsed)

    def lineage(self, image_id: ImageID) -> Lineage:
        """Return the images that it was built on and those built on it; raise `ImageNotFound`."""
        return find_lineage(self._store, image_id)

    def dockerfile(self, image_id: ImageID) -> str:
        """Return an approximate Dockerfile of the image; see `render_dockerfile`."""
        bases = find_lineage(self._store, image_id).bases
        return render_dockerfile(self._store.get(str(image_id)), bases[0] if bases else None)

    def compare(self, before: str, after: str) -> Comparison:
        """Return in what the image that *after* names differs; see `compare_images`."""
        return compare_images(self._store.get(before), self._store.get(after), self._files)

    def layer_files(self, chain_id: ChainID) -> Iterator[LayerFile]:
        """Yield what the layer did to each path; see `LayerFiles.of_layer`."""
        return self._files.of_layer(chain_id)

    def read_layer_file(self, chain_id: ChainID, path: str, *, limit: int) -> bytes:
        """Return the content of a small file that the layer brought; see `LayerFiles.read`."""
        return self._files.read(chain_id, path, limit=limit)

    def files(self, image_id: ImageID) -> ImageFiles:
        """Return what each layer of the image did, and what of it no container sees."""
        return self._files.of_image(self._store.get(str(image_id)))

    def find_in_layers(self, *, path: str = "", digest: Digest | None = None) -> Iterator[LayerHit]:
        """Yield the layers that hold *path*, or a file whose content is *digest*."""
        return self._files.find(path=path, digest=digest)

    def prune(
        self,
        *,
        dangling: bool = True,
        until: datetime | None = None,
        labels: Sequence[str] = (),
        without_labels: Sequence[str] = (),
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pruned:
        """Remove the images that nobody needs; see `PruneFilters` and `Pruner.prune`."""
        filters = PruneFilters(dangling, until, tuple(labels), tuple(without_labels))
        pruner = Pruner(self._store, self._remover)
        return pruner.prune(filters, progress=progress, cancellation=cancellation, owner=owner)

    def remove(
        self, text: str, *, of: str = "", force: bool = False, owner: str = ""
    ) -> ImageRemoval:
        """Remove a name, or the image with its last one; see `Remover.remove`."""
        return self._remover.remove(text, of=of, force=force, owner=owner)

    def remove_each(
        self, image_ids: Sequence[str], objection: Objection, *, owner: str = ""
    ) -> RemovedImages:
        """Remove images that no container holds, with their names; see `Remover.remove_each`."""
        return self._remover.remove_each(image_ids, objection, owner=owner)

    def list_sketches(self, ids: Iterable[str] | None = None) -> list[ImageSketch]:
        """Return every image, or those of *ids* that are here, without a look at their layers."""
        return self._store.list_sketches(ids)

    def list_with_layer(self, chain_id: ChainID) -> list[ImageRecord]:
        """Return the images that have the layer."""
        return self._store.list_with_layer(chain_id)

    def list_with_blob(self, digest: Digest) -> list[ImageRecord]:
        """Return the images of which the blob is a document or the archive of a layer."""
        return self._store.list_with_blob(digest)

    def collect_stray_layers(self) -> int:
        """Remove every layer that nothing needs; return the bytes that came free."""
        return self._collector.collect_stray_layers()

    def mark_used(self, image_id: ImageID) -> None:
        """Record that a container was made from the image, or started, just now."""
        self._store.mark_used(image_id)

    def sweep(self, *, keep_for: timedelta | None = None) -> Swept:
        """Remove what no image needs and no work at hand does; see `Collector.sweep`."""
        return self._collector.sweep(keep_for=keep_for) if keep_for else self._collector.sweep()

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[ImageRecord]:
        """Return every image, the newest by its own account first."""
        return self._store.list_all()


def _parsed(reference: Reference | str) -> Reference:
    return Reference.parse(reference) if isinstance(reference, str) else reference
