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

from engine.errors import ImageNotFound, InvalidReference
from engine.images.layer_content import BytesContent, LayerContent
from engine.images.parallel import JointCancellation, results_of
from engine.images.record import Pushed
from engine.images.resources import blob_resource, layer_resource
from engine.oci import manifest as manifests
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest, parse_manifest, render_manifest
from engine.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.content.store import Store
    from engine.images.ports import LayerSource
    from engine.images.pull import Connect
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.leases import Lease, Leases
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import RegistryClient
    from engine.registry.credentials import Credentials

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
    ) -> None:
        self._connect = connect
        self._images = images
        self._store = store
        self._source = source
        self._leases = leases

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
            image = self._held(lease, reference)
            push = _Push(reference, image, client, self._source, self._images, progress, joint)
            content, media_type, sent_bytes = push.run(self._own_manifest(image))
        digest = Digest.of(content)
        progress.emit(Message(f"{reference.tag}: digest: {digest} size: {len(content)}"))
        self._images.note_push(reference, digest, image.id, owner=owner)
        return Pushed(image, reference, Descriptor(media_type, digest, len(content)), sent_bytes)

    def _held(self, lease: Lease, reference: Reference) -> ImageRecord:
        """Return the image, of which nothing goes away any more."""
        image = self._found(reference)
        lease.add(
            *(layer_resource(layer.chain_id) for layer in image.layers),
            *(blob_resource(layer.digest) for layer in image.layers),
            *(blob_resource(each.digest) for each in image.documents),
        )
        if self._images.find_by_id(image.id) is None:  # removed before the lease was taken
            raise ImageNotFound(reference.familiar)
        return image

    def _found(self, reference: Reference) -> ImageRecord:
        image = self._images.find_by_reference(reference)
        if image is None:
            raise ImageNotFound(reference.familiar, field="reference")
        return image

    def _own_manifest(self, image: ImageRecord) -> bytes | None:
        """Return the manifest that the image came with, if it did."""
        digest = image.manifest_digest
        if digest is None or not self._store.has(digest):
            return None
        return self._store.read_blob(digest, limit=manifests.MAX_BYTES)


@dataclass(frozen=True, slots=True)
class _Push:
    """One image on its way to one tag."""

    reference: Reference
    image: ImageRecord
    client: RegistryClient
    source: LayerSource
    images: ImageStore
    progress: ProgressSink
    cancellation: JointCancellation

    def run(self, own: bytes | None) -> tuple[bytes, str, int]:
        """Return the manifest that is under the tag now, its media type, and what was sent."""
        name = self.reference.familiar_name
        self.progress.emit(Message(f"The push refers to repository [{name}]"))
        for layer in self.image.layers:
            self._tell(layer, LayerStatus.PREPARING)
        # The first request gets the token that the ones side by side then share.
        config, config_type = self.image.config_content, OCI_CONFIG
        kept = self._kept(own)
        if kept is not None:
            config_type = kept.config.media_type
        config_sent = self._send_config(Descriptor(config_type, self.image.id, len(config)))
        layers = self._send_layers(kept)
        content, media_type = self._manifest(own, kept, [each.descriptor for each in layers])
        self.client.push_manifest(self.reference, content, media_type=media_type)
        return content, media_type, config_sent + sum(each.sent_bytes for each in layers)

    def _kept(self, own: bytes | None) -> Manifest | None:
        """Return the image's own manifest if its layers can be had as it names them."""
        parsed = parse_manifest(own) if own is not None else None
        if not isinstance(parsed, Manifest) or len(parsed.layers) != len(self.image.layers):
            return None
        pairs = zip(parsed.layers, self.image.layers, strict=True)
        return parsed if all(self._has(named, layer) for named, layer in pairs) else None

    def _has(self, named: Descriptor, layer: LayerRecord) -> bool:
        archive = self.source.find_archive(layer)
        if archive is not None and archive.digest == named.digest:
            return True
        # It was pulled packed in another way before, but the registry may have this one.
        return self.client.has_blob(self.reference, named)

    def _send_config(self, config: Descriptor) -> int:
        if self.client.has_blob(self.reference, config):
            return 0
        self.client.push_blob(self.reference, config, BytesContent(self.image.config_content))
        return config.size

    def _send_layers(self, kept: Manifest | None) -> list[_Sent]:
        """Bring every layer there, each once, and return them in the order of the image."""
        distinct = {layer.diff_id: layer for layer in self.image.layers}
        named = dict(
            zip((layer.diff_id for layer in self.image.layers), kept.layers, strict=True)
            if kept
            else ()
        )
        for layer in list(distinct.values())[UPLOADS:]:
            self._tell(layer, LayerStatus.WAITING)
        with ThreadPoolExecutor(UPLOADS, "push") as pool:
            futures = [
                pool.submit(self._send, layer, named.get(layer.diff_id))
                for layer in distinct.values()
            ]
            results = results_of(futures, cancellation=self.cancellation)
        sent = dict(zip(distinct, results, strict=True))
        first = {layer.diff_id: layer for layer in reversed(self.image.layers)}
        return [
            sent[layer.diff_id] if first[layer.diff_id] is layer else _again(sent[layer.diff_id])
            for layer in self.image.layers
        ]

    def _send(self, layer: LayerRecord, named: Descriptor | None) -> _Sent:
        self.cancellation.check()
        descriptor = named or self._packed(layer)
        if self.client.has_blob(self.reference, descriptor):
            self._tell(layer, LayerStatus.THERE)
            return _Sent(descriptor)
        self._tell(layer, LayerStatus.PUSHING, total=descriptor.size)
        sources = self.images.repositories_with(
            layer.chain_id, self.reference.registry, other_than=self.reference.repository
        )
        mounted = self.client.push_blob(
            self.reference,
            descriptor,
            LayerContent(self.source, layer),
            mount_from=sources[:MOUNT_SOURCES],
            moved=lambda moved: self._tell(
                layer, LayerStatus.PUSHING, current=moved, total=descriptor.size
            ),
        )
        if mounted:
            self._tell(layer, LayerStatus.MOUNTED, detail=mounted)
            return _Sent(descriptor)
        self._tell(layer, LayerStatus.PUSHED)
        return _Sent(descriptor, descriptor.size)

    def _packed(self, layer: LayerRecord) -> Descriptor:
        known = self.source.find_archive(layer)
        if known is not None:
            return known
        descriptor, stream = self.source.open_archive(layer)
        stream.close()
        return descriptor

    def _manifest(
        self, own: bytes | None, kept: Manifest | None, layers: Sequence[Descriptor]
    ) -> tuple[bytes, str]:
        if own is not None and kept is not None:
            return own, kept.media_type
        config = Descriptor(OCI_CONFIG, self.image.id, len(self.image.config_content))
        return render_manifest(Manifest(OCI_MANIFEST, config, tuple(layers))), OCI_MANIFEST

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


def _again(sent: _Sent) -> _Sent:
    """Return what a layer that stands in the image once more took: nothing."""
    return _Sent(sent.descriptor)
