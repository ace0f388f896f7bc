"""
Loading: from an archive of images to images that containers can be made from.

The archive is read once, so it may come from a pipe. What looks like a layer is unpacked meanwhile;
only when the whole archive was understood does it become one, and only when all layers of all its
images are here are the images recorded, in one transaction: an archive is loaded as a whole or not
at all.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.content.store import open_ingest
from engine.images.ahead import Ahead
from engine.images.archive_layout import read_images
from engine.images.archive_reader import ArchiveReader, archive_blamed
from engine.images.download import WantedLayer, committed_layer, wanted_layers
from engine.images.hold import Hold, holding
from engine.images.parallel import JointCancellation, results_of
from engine.images.record import DocumentRecord, ImageRecord
from engine.images.spool import Spool
from engine.images.unpack import Packed
from engine.oci.config import ImageConfig
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest
from engine.oci.media_types import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Compression,
)
from engine.progress import NEVER, SILENT, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from engine.content.store import Ingest, Store
    from engine.images.archive_layout import ArchivedImage
    from engine.images.archive_reader import Contents, Member
    from engine.images.gc import Collector
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.store import ImageStore
    from engine.images.unpack import StagedLayer
    from engine.leases import Leases
    from engine.oci.digest import ChainID
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.system.database import Database

UNPACKERS = 3
CHUNK = 1 << 20
_LAYER_TYPES = {
    Compression.NONE: OCI_LAYER,
    Compression.GZIP: OCI_LAYER_GZIP,
    Compression.ZSTD: OCI_LAYER_ZSTD,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did: *images* in the order of the archive, *names* that now mean them."""

    images: tuple[ImageRecord, ...]
    names: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One image of the archive; *members* hold the bytes of its *layers*."""

    config: ImageConfig
    layers: tuple[WantedLayer, ...]
    members: tuple[Member, ...]
    names: tuple[Reference, ...]
    manifest_digest: Digest | None
    documents: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    hold: Hold
    ahead: Ahead
    contents: Contents
    owner: str
    progress: ProgressSink
    cancellation: JointCancellation


class Loader:
    """Loads archives into one engine root; *spools* is a directory on the disk of the root."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        unpacker: Unpacker,
        leases: Leases,
        collector: Collector,
        spools: Path,
    ) -> None:
        self._database = database
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._leases = leases
        self._collector = collector
        self._spools = spools

    def load(
        self,
        stream: BinaryIO,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Loaded:
        """
        Bring every image in *stream* here, and let the names that the archive gives mean them.

        *stream* is only read forward. Raises `InvalidArchive` or another kind of `InvalidInput`,
        `Unsupported`, `IntegrityError` or `SystemFailure`, or `Cancelled`; then no image, tag or
        layer has changed.
        """
        joint = JointCancellation(cancellation)
        with (
            holding(self._leases, self._collector) as hold,
            Spool(self._spools) as spool,
            self._ahead(hold, progress, joint) as ahead,
        ):
            reader = ArchiveReader(
                stream,
                spool=spool,
                store=self._store,
                hold=hold,
                cancellation=joint,
                notice=partial(self._begin, ahead, spool),
            )
            work = _Work(hold, ahead, reader.read(), owner, progress, joint)
            wanted = [self._wanted(work, each) for each in read_images(work.contents)]
            self._unpack(work, wanted)
            joint.check()
            return self._recorded(work, wanted)

    def _ahead(self, hold: Hold, progress: ProgressSink, cancellation: Cancellation) -> Ahead:
        return Ahead(
            self._unpacker,
            self._snapshots,
            self._images,
            hold=hold,
            threads=UNPACKERS,
            progress=progress,
            cancellation=cancellation,
        )

    def _begin(self, ahead: Ahead, spool: Spool, member: Member) -> None:
        if member.may_be_layer:
            ahead.begin(member.digest, self._packed(spool, member))

    def _wanted(self, work: _Work, image: ArchivedImage) -> _Wanted:
        config = ImageConfig.parse(image.config)
        with archive_blamed():
            members = tuple(map(work.contents.get, image.layers))
        manifest = image.manifest or _manifest(image.config, members)
        if image.manifest is None:
            members = tuple(self._stored(work, member) for member in members)
        # A manifest of plain tars was made for the archive: no registry has it.
        is_known = image.manifest and all(each.start is None for each in members)
        documents = image.documents if is_known else ()
        return _Wanted(
            config,
            wanted_layers(manifest, config),
            members,
            image.names,
            Digest.of(documents[0]) if documents else None,
            documents,
        )

    def _stored(self, work: _Work, member: Member) -> Member:
        """Return *member*, of which a packed layer is in the content store then."""
        if member.start is None or member.compression is Compression.NONE:
            return member
        work.hold.add_blobs(member.digest)
        with open_ingest(
            self._store, member.digest, member.size, cancellation=work.cancellation
        ) as ingest:
            if ingest is not None:
                _fill(ingest, work.contents, member)
        return member

    def _unpack(self, work: _Work, wanted: Sequence[_Wanted]) -> None:
        pairs = {
            layer.chain_id: (layer, member)
            for image in wanted
            for layer, member in zip(image.layers, image.members, strict=True)
        }
        work.hold.add_layers(*pairs)
        missing = [
            pair for pair in pairs.values() if self._snapshots.find(str(pair[0].chain_id)) is None
        ]
        by_chain = self._staged_ahead(work, missing)
        late = [pair for pair in missing if pair[0].chain_id not in by_chain]
        with ThreadPoolExecutor(UNPACKERS, "load") as pool:
            futures = [pool.submit(self._stage, work, *pair) for pair in late]
            staged = results_of(futures, cancellation=work.cancellation)
        by_chain |= {each.chain_id: each for each in staged}
        for image in wanted:
            self._commit(work, image, by_chain)

    def _staged_ahead(
        self, work: _Work, missing: Iterable[tuple[WantedLayer, Member]]
    ) -> dict[ChainID, StagedLayer]:
        taken = [(layer, work.ahead.take(each.digest, layer.diff_id)) for layer, each in missing]
        work.ahead.drop()
        return {
            layer.chain_id: tar.on(layer.parent, layer.chain_id)
            for layer, tar in taken
            if tar is not None
        }

    def _stage(self, work: _Work, layer: WantedLayer, member: Member) -> StagedLayer:
        return self._unpacker.stage_packed(
            self._packed(work.contents.spool, member),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=layer.parent,
            progress=work.progress,
            cancellation=work.cancellation,
        )

    def _packed(self, spool: Spool, member: Member) -> Packed:
        opened = (
            partial(self._store.open_blob, member.digest)
            if member.start is None
            else partial(spool.open, member.start, member.size)
        )
        return Packed(opened, member.compression, member.digest.short)

    def _commit(self, work: _Work, image: _Wanted, staged: dict[ChainID, StagedLayer]) -> None:
        # A layer that two images share is taken from *staged* by the first of them.
        mine = [staged.pop(layer.chain_id) for layer in image.layers if layer.chain_id in staged]
        self._unpacker.commit(mine)
        for layer in image.layers:
            work.progress.emit(layer.progress(LayerStatus.COMPLETE, layer.descriptor.size))

    def _recorded(self, work: _Work, wanted: Sequence[_Wanted]) -> Loaded:
        documents = [self._keep(work, (image.config.content, *image.documents)) for image in wanted]
        records = [
            [
                committed_layer(self._snapshots, layer, archives=self._store)
                for layer in image.layers
            ]
            for image in wanted
        ]
        with self._database.write():
            loaded = tuple(
                self._images.ensure_image(
                    image.config,
                    layers,
                    documents=kept,
                    manifest_digest=image.manifest_digest,
                    tags=image.names,
                    owner=work.owner,
                    source="load",
                )
                for image, layers, kept in zip(wanted, records, documents, strict=True)
            )
        self._tell(work, wanted)
        return Loaded(loaded, tuple(name for image in wanted for name in image.names))

    def _keep(self, work: _Work, contents: Iterable[bytes]) -> list[DocumentRecord]:
        kept = []
        for content in contents:
            work.hold.add_blobs(Digest.of(content))
            digest = self._store.put(content)
            kept.append(DocumentRecord(digest, self._store.disk_bytes(digest)))
        return kept

    def _tell(self, work: _Work, wanted: Sequence[_Wanted]) -> None:
        for image in wanted:
            for name in image.names:
                work.progress.emit(Message(f"Loaded image: {name.familiar}"))
            if not image.names:
                work.progress.emit(Message(f"Loaded image ID: {image.config.image_id}"))


def _manifest(config: bytes, members: Sequence[Member]) -> Manifest:
    """Return what says how the parts hang together where the archive has no manifest."""
    layers = tuple(
        Descriptor(_LAYER_TYPES[each.compression], each.digest, each.size) for each in members
    )
    return Manifest(OCI_MANIFEST, Descriptor(OCI_CONFIG, Digest.of(config), len(config)), layers)


def _fill(ingest: Ingest, contents: Contents, member: Member) -> None:
    start, left = (member.start or 0) + ingest.offset, member.size - ingest.offset
    with contents.spool.open(start, left) as stream:
        while chunk := stream.read(CHUNK):
            ingest.write(chunk)
    ingest.commit()
