"""
Giving an image to another host: it is offered, and what the other side asks for is sent.

The other side pulls it as it would from a registry, only that it asks over the wire; nothing can be
asked for but what belongs to the image.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import (
    InvalidConversation,
    InvalidReference,
    PeerLost,
)
from engine.images.layer_content import BytesContent, LayerContent
from engine.images.outgoing import (
    WrittenManifest,
    held_image,
    is_here,
    made_manifest,
    own_manifest,
    packed,
)
from engine.images.record import Synced
from engine.images.sync_wire import PROTOCOL, Wire, told_failures
from engine.oci.digest import Digest
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.images.ports import LayerSource
    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.descriptor import Descriptor
    from engine.oci.manifest import Manifest
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.uploading import BlobContent


class Sender:
    """Gives images of one engine root to other hosts."""

    def __init__(
        self, *, images: ImageStore, store: Store, source: LayerSource, leases: Leases
    ) -> None:
        self._images = images
        self._store = store
        self._source = source
        self._leases = leases

    def send(
        self,
        reference: Reference,
        reader: BinaryIO,
        writer: BinaryIO,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Synced:
        """
        Give the image that the tag *reference* names to who takes it over *reader* and *writer*.

        Afterwards it is there under that tag. Raises `ImageNotFound`, `PeerFailed`, `PeerLost`,
        `InvalidConversation` or `Cancelled`; then what has arrived there is not sent again.
        """
        if reference.digest is not None:
            raise InvalidReference(str(reference), "a name by digest cannot be given to a host")
        wire = Wire(reader, writer, cancellation)
        with told_failures(wire), self._leases.held() as lease:
            image = held_image(self._images, lease, reference)
            manifest = self._manifest(image)
            gift = _Gift(wire, self._contents(image, manifest.parsed), progress)
            with _last_words(wire):
                sent = gift.give(reference, manifest)
        return Synced(reference, image.id, Digest.of(manifest.content), sent)

    def _manifest(self, image: ImageRecord) -> WrittenManifest:
        own = own_manifest(image, self._store)
        if own is not None and all(
            is_here(named, layer, self._source)
            for named, layer in zip(own.parsed.layers, image.layers, strict=True)
        ):
            return own
        return made_manifest(image, [packed(layer, self._source) for layer in image.layers])

    def _contents(
        self, image: ImageRecord, manifest: Manifest
    ) -> dict[str, tuple[Descriptor, BlobContent]]:
        layers: dict[str, tuple[Descriptor, BlobContent]] = {
            str(named.digest): (named, LayerContent(self._source, layer))
            for named, layer in zip(manifest.layers, image.layers, strict=True)
        }
        config = manifest.config
        return {**layers, str(config.digest): (config, BytesContent(image.config_content))}


@dataclass
class _Gift:
    """What is given in one conversation, and nothing else can be asked for."""

    wire: Wire
    contents: dict[str, tuple[Descriptor, BlobContent]]
    progress: ProgressSink
    sent: int = 0

    def give(self, reference: Reference, manifest: WrittenManifest) -> int:
        """Answer until the other side is done; returns how many bytes it asked for."""
        size = len(manifest.content)
        self.wire.say(protocol=PROTOCOL, offers=str(reference), manifest=size)
        self.wire.send(manifest.content)
        while True:
            message = self.wire.hear()
            if "done" in message:
                return self.sent
            self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        offset = message.get("offset")
        found = self.contents.get(str(message.get("asks")))
        if found is None or not isinstance(offset, int) or not 0 <= offset <= found[0].size:
            raise InvalidConversation("it asks for what was not offered")
        blob, content = found
        for chunk in content.open(offset):
            self.wire.send(chunk)
            offset += len(chunk)
            self.sent += len(chunk)
            self._tell(blob, LayerStatus.PUSHING, offset)
        self._tell(blob, LayerStatus.PUSHED, blob.size)

    def _tell(self, blob: Descriptor, status: LayerStatus, current: int) -> None:
        self.progress.emit(LayerProgress(blob.digest.short, status, current, blob.size))


@contextmanager
def _last_words(wire: Wire) -> Iterator[None]:
    """Let what the other side said before it went count more than that it went."""
    try:
        yield
    except PeerLost:
        with suppress(PeerLost, InvalidConversation):
            while True:
                wire.hear()
        raise
