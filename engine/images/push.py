"""
Pushing: from an image that is here to a tag at a registry.

Each layer is asked for at the registry, mounted from another repository that is known to have it,
or sent as it came; several at once. When all are there the manifest goes under the tag: the one
that the image was pulled with, byte for byte, wherever its layers are at hand as that manifest
names them, so that the digest stays the same. Nothing here changes but the record of the push.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidReference
from engine.images.layer_content import BytesContent, LayerContent
from engine.images.outgoing import held_image, is_here, made_manifest, own_manifest, packed
from engine.images.parallel import JointCancellation, results_of
from engine.images.record import Pushed
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.media_types import OCI_CONFIG
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.content.store import Store
    from engine.images.outgoing import WrittenManifest
    from engine.images.places import BlobPlaces
    from engine.images.ports import LayerSource
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.manifest import Manifest
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import RegistryClient
    from engine.registry.credentials import Credentials
    from engine.registry.registries import Connect

UPLOADS = 5
MOUNT_SOURCES = 3


@dataclass(frozen=True, slots=True)
class _Sent:
    """One layer that is at the registry now: what it is there, and how many bytes it took."""

    descriptor: Descriptor
    sent_bytes: int = 0


class Pusher:
    """Pushes images of one engine root."""

    def __init__(
        self,
        *,
        connect: Connect,
        images: ImageStore,
        store: Store,
        source: LayerSource,
        leases: Leases,
        places: BlobPlaces,
    ) -> None:
        self._connect = connect
        self._images = images
        self._store = store
        self._source = source
        self._leases = leases
        self._places = places

    def push(
        self,
        reference: Reference,
        *,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pushed:
        """
        Bring the image that the tag *reference* names here to its registry, under that tag.

        Raises `ImageNotFound` where it names none here, `InvalidReference` for a name by digest, a
        kind of `Denied` or `Unavailable`, or `Cancelled`; then the tag at the registry names what
        it did before, and what was brought is not brought again by the next attempt.
        """
        if reference.digest is not None:
            raise InvalidReference(str(reference), "a name by digest cannot be pushed")
        joint = JointCancellation(cancellation)
        client = self._connect(reference.registry, credentials=credentials, cancellation=joint)
        with self._leases.held() as lease:
            image = held_image(self._images, lease, reference)
            push = _Push(
                reference, image, client, self._source, self._mount_sources, progress, joint
            )
            manifest, sent_bytes = push.run(own_manifest(image, self._store))
        layers = (each.digest for each in manifest.parsed.layers)
        self._places.note(reference.registry, reference.repository, layers)
        digest, size = Digest.of(manifest.content), len(manifest.content)
        progress.emit(Message(f"{reference.tag}: digest: {digest} size: {size}"))
        self._images.note_push(reference, digest, image.id, owner=owner)
        descriptor = Descriptor(manifest.parsed.media_type, digest, size)
        return Pushed(image, reference, descriptor, sent_bytes)

    def _mount_sources(
        self, layer: LayerRecord, blob: Descriptor, reference: Reference
    ) -> list[str]:
        """Return the repositories that probably have *blob*, which *layer* travels as."""
        registry, repository = reference.registry, reference.repository
        known = self._images.repositories_with(layer.chain_id, registry, other_than=repository)
        seen = self._places.find(registry, blob.digest, other_than=repository)
        return list(dict.fromkeys((*known, *seen)))[:MOUNT_SOURCES]


@dataclass(frozen=True, slots=True)
class _Push:
    """One image on its way to one tag."""

    reference: Reference
    image: ImageRecord
    client: RegistryClient
    source: LayerSource
    mount_sources: Callable[[LayerRecord, Descriptor, Reference], list[str]]
    progress: ProgressSink
    cancellation: JointCancellation

    def run(self, own: WrittenManifest | None) -> tuple[WrittenManifest, int]:
        """Return the manifest that is under the tag now, and how many bytes were sent for it."""
        name = self.reference.familiar_name
        self.progress.emit(Message(f"The push refers to repository [{name}]"))
        for layer in self.image.layers:
            self._tell(layer, LayerStatus.PREPARING)
        kept = own if own is not None and self._is_at_hand(own.parsed) else None
        # The first request gets the token that the ones side by side then share.
        config_type = kept.parsed.config.media_type if kept else OCI_CONFIG
        size = len(self.image.config_content)
        config_sent = self._send_config(Descriptor(config_type, self.image.id, size))
        sent = self._send_layers(kept.parsed.layers if kept else None)
        manifest = kept or made_manifest(self.image, [each.descriptor for each in sent])
        media_type = manifest.parsed.media_type
        self.client.push_manifest(self.reference, manifest.content, media_type=media_type)
        return manifest, config_sent + sum(each.sent_bytes for each in sent)

    def _is_at_hand(self, manifest: Manifest) -> bool:
        """Return whether every layer can be had as *manifest* names it, here or at the registry."""
        pairs = zip(manifest.layers, self.image.layers, strict=True)
        return all(
            is_here(named, layer, self.source) or self.client.has_blob(self.reference, named)
            for named, layer in pairs
        )

    def _send_config(self, config: Descriptor) -> int:
        if self.client.has_blob(self.reference, config):
            return 0
        self.client.push_blob(self.reference, config, BytesContent(self.image.config_content))
        return config.size

    def _send_layers(self, named: Sequence[Descriptor] | None) -> list[_Sent]:
        """Bring every layer there, each once, and return them in the order of the image."""
        diff_ids = [layer.diff_id for layer in self.image.layers]
        distinct = dict(zip(diff_ids, self.image.layers, strict=True))
        names = dict(zip(diff_ids, named, strict=True)) if named is not None else {}
        for layer in list(distinct.values())[UPLOADS:]:
            self._tell(layer, LayerStatus.WAITING)
        with ThreadPoolExecutor(UPLOADS, "push") as pool:
            futures = [
                pool.submit(self._send, layer, names.get(layer.diff_id))
                for layer in distinct.values()
            ]
            results = results_of(futures, cancellation=self.cancellation)
        sent = dict(zip(distinct, results, strict=True))
        # A layer that stands in the image twice was sent once.
        firsts = {each: diff_ids.index(each) for each in distinct}
        return [
            sent[each] if firsts[each] == place else _Sent(sent[each].descriptor)
            for place, each in enumerate(diff_ids)
        ]

    def _send(self, layer: LayerRecord, named: Descriptor | None) -> _Sent:
        self.cancellation.check()
        descriptor = named or packed(layer, self.source)
        if self.client.has_blob(self.reference, descriptor):
            self._tell(layer, LayerStatus.THERE)
            return _Sent(descriptor)
        self._tell(layer, LayerStatus.PUSHING, total=descriptor.size)
        mounted = self.client.push_blob(
            self.reference,
            descriptor,
            LayerContent(self.source, layer),
            mount_from=self.mount_sources(layer, descriptor, self.reference),
            moved=lambda moved: self._tell(
                layer, LayerStatus.PUSHING, current=moved, total=descriptor.size
            ),
        )
        if mounted:
            self._tell(layer, LayerStatus.MOUNTED, detail=mounted)
            return _Sent(descriptor)
        self._tell(layer, LayerStatus.PUSHED)
        return _Sent(descriptor, descriptor.size)

    def _tell(
        self,
        layer: LayerRecord,
        status: LayerStatus,
        *,
        current: int = 0,
        total: int = 0,
        detail: str = "",
    ) -> None:
        event = LayerProgress(layer.diff_id.short, status, current, total, detail)
        self.progress.emit(event)
