"""
Pulling: from a reference to an image that containers can be made from.

Resolve the reference; see which layers are missing; bring them, several at once, each unpacked
while its bytes come in; when all have turned out to be what was announced, make them visible,
lowest first; and then, in one transaction, the image with its layers, its tag and the digest it was
pulled as. Until that transaction nobody sees any of it. Everything is leased before it is looked
for, so that no clean-up takes it away between.

A pull that was cancelled, or that the network broke, leaves what it downloaded, and the next one
goes on from there. One that failed for a reason that will be the same next time leaves nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from engine.errors import BlobNotFound, LimitExceeded, NoMatchingPlatform
from engine.images.download import Downloader, WantedLayer, committed_layer, wanted_layers
from engine.images.hold import Hold, holding
from engine.images.parallel import JointCancellation, results_of
from engine.images.record import DocumentRecord, Pulled
from engine.images.unpack import Packed
from engine.oci import config as configs
from engine.oci import manifest as manifests
from engine.oci.config import ImageConfig
from engine.oci.digest import Digest, ImageID
from engine.oci.platform import best_match, host_platform
from engine.progress import NEVER, SILENT, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.ports import ImageSource, LayerSnapshots, Unpacker
    from engine.images.store import ImageStore
    from engine.images.unpack import StagedLayer
    from engine.leases import Leases
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import ResolvedManifest
    from engine.registry.credentials import Credentials
    from engine.system.database import Database

LAYERS_AT_ONCE = 3
REGISTRY = "registry"


class Connect(Protocol):
    """Makes a client for one piece of work with one registry."""

    def __call__(
        self, registry: str, *, credentials: Credentials | None, cancellation: Cancellation
    ) -> ImageSource:
        """Return where *registry* is asked; nothing is asked yet."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One pull: what it was asked for, and with what it does it."""

    reference: Reference
    platform: Platform | None
    owner: str
    hold: Hold
    client: ImageSource
    progress: ProgressSink
    cancellation: JointCancellation

    def say(self, text: str) -> None:
        """Tell whoever watches."""
        self.progress.emit(Message(text))


class Puller:
    """Pulls images into one engine root."""

    def __init__(
        self,
        *,
        connect: Connect,
        database: Database,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        unpacker: Unpacker,
        leases: Leases,
        collector: Collector,
        source: str = REGISTRY,
    ) -> None:
        self._connect = connect
        self._database = database
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._leases = leases
        self._collector = collector
        self._source = source

    def pull(
        self,
        reference: Reference,
        *,
        platform: Platform | None = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        """
        Bring the image that *reference* names here, and let its tag name it.

        Afterwards the image is here as the registry has it. Raises `ImageNotFound`,
        `NoMatchingPlatform`, a kind of `Denied`, `Unavailable`, `InvalidInput`, `IntegrityError` or
        `SystemFailure`, or `Cancelled`; then no image, tag or layer has changed.
        """
        joint = JointCancellation(cancellation)
        client = self._connect(reference.registry, credentials=credentials, cancellation=joint)
        with holding(self._leases, self._collector) as hold:
            work = _Work(reference, platform, owner, hold, client, progress, joint)
            return self._pulled(work)

    def _pulled(self, work: _Work) -> Pulled:
        work.say(f"{work.reference.manifest_reference}: Pulling from {work.reference.repository}")
        resolved = work.client.resolve(work.reference, work.platform, known=self._known)
        if work.client.rate_limit is not None:
            work.say(f"{work.reference.registry}: {work.client.rate_limit}")
        config = self._fetch_config(work, resolved)
        _check_platform(config, work)
        layers = wanted_layers(resolved.manifest, config)
        work.hold.add_layers(*(layer.chain_id for layer in layers))
        fetched = self._bring_missing(work, layers)
        work.cancellation.check()
        pulled = self._record(work, resolved, config, layers, fetched)
        work.say(f"Digest: {pulled.digest}")
        is_new = "Downloaded newer image" if pulled.is_new else "Image is up to date"
        work.say(f"Status: {is_new} for {work.reference.familiar}")
        return pulled

    def _known(self, digest: Digest) -> bytes | None:
        """Return the document *digest* if it is here: a second pull need not ask for it again."""
        try:
            return self._store.read_blob(digest, limit=manifests.MAX_BYTES)
        except (BlobNotFound, LimitExceeded):
            return None

    def _fetch_config(self, work: _Work, resolved: ResolvedManifest) -> ImageConfig:
        wanted = resolved.manifest.config
        known = self._images.find_by_id(ImageID(wanted.digest))
        if known is not None:
            return known.config
        content = work.client.fetch_document(work.reference, wanted, limit=configs.MAX_BYTES)
        return ImageConfig.parse(content)

    def _bring_missing(self, work: _Work, layers: Sequence[WantedLayer]) -> int:
        """Make every layer visible; returns how many bytes came over the wire."""
        missing = [layer for layer in layers if self._snapshots.find(str(layer.chain_id)) is None]
        for layer in layers:
            status = LayerStatus.WAITING if layer in missing else LayerStatus.EXISTS
            work.progress.emit(layer.progress(status))
        if not missing:
            return 0
        work.hold.add_blobs(*(layer.descriptor.digest for layer in missing))
        fetched, staged = self._stage_all(work, missing)
        self._unpacker.commit(staged)
        for layer in missing:
            work.progress.emit(layer.progress(LayerStatus.COMPLETE, layer.descriptor.size))
        return fetched

    def _stage_all(
        self, work: _Work, layers: Sequence[WantedLayer]
    ) -> tuple[int, list[StagedLayer]]:
        downloader = Downloader(
            work.client, self._store, work.reference, work.progress, work.cancellation
        )
        with ThreadPoolExecutor(LAYERS_AT_ONCE, "layer") as pool:
            staging = [pool.submit(self._stage, work, downloader, layer) for layer in layers]
            staged = results_of(staging, cancellation=work.cancellation)
        return downloader.fetched_bytes, staged

    def _stage(self, work: _Work, downloader: Downloader, layer: WantedLayer) -> StagedLayer:
        return self._unpacker.stage_packed(
            Packed(partial(downloader.opened, layer), layer.compression, layer.label),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=layer.parent,
            progress=work.progress,
            cancellation=work.cancellation,
        )

    def _record(
        self,
        work: _Work,
        resolved: ResolvedManifest,
        config: ImageConfig,
        layers: Sequence[WantedLayer],
        fetched: int,
    ) -> Pulled:
        documents = self._keep_documents(work, config.content, *resolved.documents)
        records = [
            committed_layer(self._snapshots, layer, archives=self._store) for layer in layers
        ]
        with self._database.write():
            is_new = self._images.find_by_id(config.image_id) is None
            self._images.ensure_image(
                config,
                records,
                documents=documents,
                manifest_digest=resolved.manifest_digest,
                owner=work.owner,
                source=self._source,
            )
            is_new |= self._name(work, config.image_id, resolved.digest)
            image = self._images.get(str(config.image_id))
        return Pulled(image, resolved.digest, is_new, fetched)

    def _name(self, work: _Work, image_id: ImageID, digest: Digest) -> bool:
        """Give the image the name that it was pulled by; return whether a tag moved."""
        is_registry = self._source == REGISTRY
        has_moved = work.reference.digest is None and self._images.move_tag(
            work.reference,
            image_id,
            owner=work.owner,
            # In the words of its history.
            reason="pull" if is_registry else self._source,
        )
        # Where none was asked, no registry said so, and none may know it.
        self._images.note_pull(
            work.reference, digest, image_id, owner=work.owner, is_at_registry=is_registry
        )
        return has_moved

    def _keep_documents(self, work: _Work, *contents: bytes) -> list[DocumentRecord]:
        digests = [Digest.of(content) for content in contents]
        work.hold.add_blobs(*digests)
        for content in contents:
            self._store.put(content)
        return [DocumentRecord(digest, self._store.disk_bytes(digest)) for digest in digests]


def _check_platform(config: ImageConfig, work: _Work) -> None:
    """Refuse another platform than was asked for; only tell if it is merely not this host's."""
    wanted = work.platform or host_platform()
    if not config.platform.architecture or best_match(wanted, [config.platform]) is not None:
        return
    if work.platform is not None:
        raise NoMatchingPlatform(str(wanted), offered=(str(config.platform),))
    work.say(f"This image is for {config.platform}, this host is {wanted}")
