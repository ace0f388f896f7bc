"""A blob on its way from one registry to another: verified as it passes, and kept nowhere."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from engine.content.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.oci.descriptor import Descriptor
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient


class StreamedBlob:
    """
    The bytes of *blob* of the repository of *reference*, read when they are needed.

    They are hashed once, in their order, however often the sending begins again. The end is only
    reached if they are what was announced; the other registry never gets all of them otherwise.
    """

    def __init__(self, client: RegistryClient, reference: Reference, blob: Descriptor) -> None:
        self._client = client
        self._reference = reference
        self._blob = blob
        self._verifier = Verifier(blob.digest, blob.size)

    def open(self, offset: int) -> Generator[bytes, None, None]:
        """See `BlobContent.open`."""
        start = min(offset, self._verifier.count)
        with closing(self._client.fetch_blob(self._reference, self._blob, offset=start)) as chunks:
            for chunk in chunks:
                self._note(start, chunk)
                if wanted := chunk[max(0, offset - start) :]:
                    yield wanted
                start += len(chunk)
        self._check()

    def _note(self, start: int, chunk: bytes) -> None:
        fresh = chunk[max(0, self._verifier.count - start) :]
        if not fresh:
            return
        self._verifier.update(fresh)
        # The last bytes are withheld where they do not make up the blob.
        if self._verifier.count == self._blob.size:
            self._verifier.check()

    def _check(self) -> None:
        if self._verifier.count < self._blob.size:
            self._verifier.check()
