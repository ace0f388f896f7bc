"""Images as registries hold them, built in code."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.oci import media_types
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.descriptor import Descriptor
from engine.oci.digest import DiffID, Digest
from engine.oci.manifest import Index, Manifest, render_index, render_manifest
from engine.oci.platform import Platform, host_platform

MADE_AT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class PackedImage:
    """One image for one platform, every part of it as bytes."""

    config: bytes
    layers: tuple[bytes, ...]
    manifest: bytes
    media_type: str
    platform: Platform

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    @property
    def parsed_config(self) -> ImageConfig:
        return ImageConfig.parse(self.config)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, self.digest, len(self.manifest), self.platform)


def pack_image(
    *tars: bytes,
    platform: Platform | None = None,
    label: str = "",
    media_type: str = media_types.OCI_MANIFEST,
    layer_type: str = media_types.OCI_LAYER_GZIP,
) -> PackedImage:
    """Return an image whose layers are *tars*, lowest first; *label* makes it another image."""
    platform = platform or host_platform()
    config = render_config(
        platform=platform,
        diff_ids=tuple(DiffID(Digest.of(tar)) for tar in tars),
        history=tuple(
            HistoryEntry(MADE_AT, created_by=f"COPY layer {n}") for n in range(len(tars))
        ),
        defaults=ProcessDefaults(command=("/bin/true",), env=(f"LABEL={label}",)),
        created_at=MADE_AT,
    )
    is_gzip = layer_type in {media_types.OCI_LAYER_GZIP, media_types.DOCKER_LAYER_GZIP}
    layers = tuple(gzip.compress(tar, mtime=0) if is_gzip else tar for tar in tars)
    manifest = Manifest(
        media_type,
        Descriptor(media_types.OCI_CONFIG, Digest.of(config), len(config)),
        tuple(Descriptor(layer_type, Digest.of(blob), len(blob)) for blob in layers),
    )
    return PackedImage(config, layers, render_manifest(manifest), media_type, platform)


def pack_index(*images: PackedImage) -> bytes:
    """Return an index of *images*."""
    return render_index(Index(media_types.OCI_INDEX, tuple(each.descriptor for each in images)))
