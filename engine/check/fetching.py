"""Bringing a blob back by its digest: out of the records, or from where its image was pulled."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from engine.content.store import open_ingest
from engine.errors import BlobNotFound, EngineError
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest, ImageID
from engine.progress import NEVER

if TYPE_CHECKING:
    from engine.content.store import Store
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient
    from engine.registry.registries import Connect


class Fetcher:
    """Brings blobs of images of one engine root back."""

    def __init__(self, images: ImageStore, store: Store, connect: Connect) -> None:
        self._images = images
        self._store = store
        self._connect = connect

    def fetch(self, digest: Digest) -> str:
        """
        Bring the blob *digest* back and return in words where it was found.

        Raises what the last registry that was asked said, or `BlobNotFound` where there is none to
        ask.
        """
        config = self._images.find_by_id(ImageID(digest))
        if config is not None:
            self._store.put(config.config_content)
            return "written again from the record of the image"
        problem: EngineError = BlobNotFound(digest)
        for image in self._images.list_with_blob(digest):
            for reference in image.repo_digests:
                try:
                    self._fetch_from(reference, image, digest)
                except EngineError as error:
                    problem = error
                else:
                    return f"fetched again from {reference.name}"
        raise problem

    def _fetch_from(self, reference: Reference, image: ImageRecord, digest: Digest) -> None:
        client = self._connect(reference.registry, credentials=None, cancellation=NEVER)
        layer = next((each for each in image.layers if each.digest == digest), None)
        if layer is None:
            document = client.fetch_manifest(reference.with_digest(digest))
            self._store.put(document.content)
        else:
            self._fetch_archive(client, reference, layer)
        if not self._store.has(digest):
            raise BlobNotFound(digest)

    def _fetch_archive(
        self, client: RegistryClient, reference: Reference, layer: LayerRecord
    ) -> None:
        wanted = Descriptor(layer.media_type, layer.digest, layer.compressed_size)
        with open_ingest(self._store, wanted.digest, wanted.size, cancellation=NEVER) as ingest:
            if ingest is None:
                return
            with closing(client.fetch_blob(reference, wanted, offset=ingest.offset)) as chunks:
                for chunk in chunks:
                    ingest.write(chunk)
            ingest.commit()


__all__ = ["Digest", "Fetcher"]
