"""
Taking an image from another host, which offers it by its manifest.

It is pulled as from a registry, only that it is asked for over the wire: nothing that is here is
asked for, what an earlier attempt left is gone on from, what comes is verified, and the image is
seen when all of it is here.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from engine.content.verify import verified
from engine.errors import (
    InvalidConversation,
    LimitExceeded,
    PeerLost,
)
from engine.images.outgoing import (
    WrittenManifest,
)
from engine.images.sync_wire import PROTOCOL, Wire, told_failures
from engine.oci import manifest as manifests
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest, parse_manifest
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT
from engine.registry.client import ResolvedManifest, nothing_known

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import BinaryIO

    from engine.images.pull import Connect, Puller
    from engine.images.record import Pulled
    from engine.oci.descriptor import Descriptor
    from engine.oci.platform import Platform
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import Known
    from engine.registry.credentials import Credentials
    from engine.registry.ratelimit import RateLimit


TURN_SECONDS = 0.2


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """The one image that was asked for, and the name it was asked for by."""

    image_id: str
    reference: Reference

    def check(self, offer: Offer) -> None:
        """Raise `InvalidConversation` where *offer* is another image, or has another name."""
        is_it = str(offer.manifest.parsed.config.digest) == self.image_id
        if not is_it or offer.reference != self.reference:
            raise InvalidConversation("it offers another image than was asked for")


class Receiver:
    """Takes images from other hosts into one engine root; *new_puller* pulls from any source."""

    def __init__(self, new_puller: Callable[[Connect], Puller]) -> None:
        self._new_puller = new_puller

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
        """
        Take the image that is offered over *reader* and *writer*, and let its tag name it here.

        Where *wanted* says which it is to be, no other is taken, and no other tag moves.

        Raises what a pull raises, `PeerFailed`, `PeerLost` or `InvalidConversation`; then no image,
        tag or layer has changed, and what has arrived is not asked for again.
        """
        wire = Wire(reader, writer, cancellation)
        with told_failures(wire):
            offer = hear_offer(wire)
            if wanted is not None:
                wanted.check(offer)
            pulled = self._new_puller(offer.connected).pull(
                offer.reference, progress=progress, cancellation=cancellation, owner=owner
            )
            wire.say(done=str(pulled.image.id))
        return pulled
