"""
Bringing an image from this host to another, or from another to this one, without a registry.

The giving side offers an image by its manifest; the taking side pulls it as it would from a
registry, only that it asks over the wire. So it asks for nothing that it has, goes on from what an
earlier attempt left, verifies what comes, and shows the image when all of it is here.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from engine.content.verify import verified
from engine.errors import (
    EngineError,
    InvalidConversation,
    InvalidReference,
    LimitExceeded,
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
from engine.images.sync_wire import PROTOCOL, Wire
from engine.oci import manifest as manifests
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest, parse_manifest
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT, LayerProgress, LayerStatus
from engine.registry.client import ResolvedManifest, nothing_known

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.images.ports import LayerSource
    from engine.images.pull import Connect, Puller
    from engine.images.record import ImageRecord, Pulled
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.descriptor import Descriptor
    from engine.oci.platform import Platform
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import Known
    from engine.registry.credentials import Credentials
    from engine.registry.ratelimit import RateLimit
    from engine.registry.uploading import BlobContent

TURN_SECONDS = 0.2


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


@dataclass
class Offer:
    """An image that another host offers: an `ImageSource` over *wire*, one question at a time."""

    wire: Wire
    reference: Reference
    manifest: WrittenManifest
    guard: threading.Lock = field(default_factory=threading.Lock)
    is_broken: bool = False

    def connected(
        self,
        registry: str,  # noqa: ARG002  an offer is one image
        *,
        credentials: Credentials | None,  # noqa: ARG002  whoever is on the wire may ask
        cancellation: Cancellation,
    ) -> Self:
        """Return this offer, for work that stops when *cancellation* says so."""
        self.wire.cancellation = cancellation
        return self

    @property
    def rate_limit(self) -> RateLimit | None:
        """None: a host that offers lets everything be asked."""
        return None

    def resolve(
        self,
        reference: Reference,
        platform: Platform | None = None,  # noqa: ARG002  an offer is one image
        *,
        known: Known = nothing_known,  # noqa: ARG002  it came with its manifest
    ) -> ResolvedManifest:
        """Return the manifest that is offered, whatever it is for."""
        digest = Digest.of(self.manifest.content)
        documents = (self.manifest.content,)
        return ResolvedManifest(reference, digest, self.manifest.parsed, digest, documents)

    def fetch_document(self, reference: Reference, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, verified; raise `LimitExceeded` if it is over *limit* bytes."""
        if descriptor.size > limit:
            raise LimitExceeded(f"the size of {descriptor.digest}", limit=limit)
        chunks = self.fetch_blob(reference, descriptor)
        return b"".join(verified(chunks, digest=descriptor.digest, size=descriptor.size))

    def fetch_blob(
        self,
        reference: Reference,  # noqa: ARG002  an offer is one image
        descriptor: Descriptor,
        *,
        offset: int = 0,
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of a blob from *offset* on; leave off only to end the conversation."""
        with self._turn():
            self.wire.say(asks=str(descriptor.digest), offset=offset)
            yield from self.wire.receive(descriptor.size - offset)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        while not self.guard.acquire(timeout=TURN_SECONDS):
            self.wire.cancellation.check()
        try:
            if self.is_broken:
                raise PeerLost("an answer of it was not heard to its end")
            self.is_broken = True
            yield
            self.is_broken = False
        finally:
            self.guard.release()


def hear_offer(wire: Wire) -> Offer:
    """Return what the other side offers; raise `InvalidConversation` for what is no offer."""
    message = wire.hear()
    if message.get("protocol") != PROTOCOL:
        raise InvalidConversation("it speaks another version of the protocol")
    size = message.get("manifest")
    if not isinstance(size, int) or not 0 < size <= manifests.MAX_BYTES:
        raise InvalidConversation("its offer has no manifest of a sensible size")
    reference = Reference.parse(str(message.get("offers")))
    if reference.tag is None or reference.digest is not None:
        raise InvalidConversation("its offer has no tag")
    content = b"".join(wire.receive(size))
    parsed = parse_manifest(content)
    if not isinstance(parsed, Manifest):
        raise InvalidConversation("its offer is not one image")
    return Offer(wire, reference, WrittenManifest(content, parsed))


class Receiver:
    """Takes images from other hosts into one engine root; *new_puller* pulls from any source."""

    def __init__(self, new_puller: Callable[[Connect], Puller]) -> None:
        self._new_puller = new_puller

    def receive(
        self,
        reader: BinaryIO,
        writer: BinaryIO,
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        """
        Take the image that is offered over *reader* and *writer*, and let its tag name it here.

        Raises what a pull raises, `PeerFailed`, `PeerLost` or `InvalidConversation`; then no image,
        tag or layer has changed, and what has arrived is not asked for again.
        """
        wire = Wire(reader, writer, cancellation)
        with told_failures(wire):
            offer = hear_offer(wire)
            pulled = self._new_puller(offer.connected).pull(
                offer.reference, progress=progress, cancellation=cancellation, owner=owner
            )
            wire.say(done=str(pulled.image.id))
        return pulled


@contextmanager
def told_failures(wire: Wire) -> Iterator[None]:
    """Tell the other side of an error on this one before it is raised."""
    try:
        yield
    except EngineError as error:
        with suppress(EngineError):
            wire.say_failure(error)
        raise


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
