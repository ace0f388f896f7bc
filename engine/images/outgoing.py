"""What an image is when it leaves this host: its manifest, and the layers that this one names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ImageNotFound
from engine.images.resources import blob_resource, layer_resource
from engine.oci import manifest as manifests
from engine.oci.descriptor import Descriptor
from engine.oci.manifest import Manifest, parse_manifest, render_manifest
from engine.oci.media_types import OCI_CONFIG, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.content.store import Store
    from engine.images.ports import LayerSource
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.leases import Lease
    from engine.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class WrittenManifest:
    """A manifest and the bytes that spell it."""

    content: bytes
    parsed: Manifest


def held_image(images: ImageStore, lease: Lease, reference: Reference) -> ImageRecord:
    """Return the image that *reference* names, of which nothing goes away while *lease* lasts."""
    image = images.find_by_reference(reference)
    if image is None:
        raise ImageNotFound(reference.familiar, field="reference")
    lease.add(
        *(layer_resource(layer.chain_id) for layer in image.layers),
        *(blob_resource(layer.digest) for layer in image.layers),
        *(blob_resource(each.digest) for each in image.documents),
    )
    if images.find_by_id(image.id) is None:  # removed before the lease was taken
        raise ImageNotFound(reference.familiar, field="reference")
    return image


def own_manifest(image: ImageRecord, store: Store) -> WrittenManifest | None:
    """Return the manifest that *image* came with, if it did and it is still here."""
    digest = image.manifest_digest
    if digest is None or not store.has(digest):
        return None
    content = store.read_blob(digest, limit=manifests.MAX_BYTES)
    parsed = parse_manifest(content)
    if not isinstance(parsed, Manifest) or len(parsed.layers) != len(image.layers):
        return None
    return WrittenManifest(content, parsed)


def made_manifest(image: ImageRecord, layers: Sequence[Descriptor]) -> WrittenManifest:
    """Return the manifest of *image* over *layers* as they are here: always the same bytes."""
    config = Descriptor(OCI_CONFIG, image.id, len(image.config_content))
    manifest = Manifest(OCI_MANIFEST, config, tuple(layers))
    return WrittenManifest(render_manifest(manifest), manifest)


def is_here(named: Descriptor, layer: LayerRecord, source: LayerSource) -> bool:
    """Return whether *layer* can be had here as the manifest *named* it."""
    archive = source.find_archive(layer)
    return archive is not None and archive.digest == named.digest


def packed(layer: LayerRecord, source: LayerSource) -> Descriptor:
    """Return what *layer* is as it travels, packing it now where it never was."""
    known = source.find_archive(layer)
    if known is not None:
        return known
    descriptor, stream = source.open_archive(layer)
    stream.close()
    return descriptor
