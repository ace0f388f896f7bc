"""Descriptors: media type, digest and size of content (image-spec descriptor.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidDigest
from engine.oci.digest import Digest
from engine.oci.platform import Platform, normalise_architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.oci.fields import Fields


@dataclass(frozen=True, slots=True)
class Descriptor:
    """
    What content to expect: its media type, its digest and its size in bytes.

    *artifact_type* is of a manifest that is no image; most have none.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""


def read_descriptor(fields: Fields) -> Descriptor:
    """Return the descriptor that *fields* spell; a wrong field raises the document's error."""
    try:
        digest = Digest.parse(fields.text("digest"))
    except InvalidDigest as error:
        raise fields.error("digest", "is not a sha256 digest") from error
    return Descriptor(
        media_type=fields.text("mediaType"),
        digest=digest,
        size=fields.integer("size"),
        platform=_read_platform(fields.child("platform")),
        annotations=fields.mapping("annotations"),
        artifact_type=fields.text("artifactType", ""),
    )


def write_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    """Return the JSON object of *descriptor*."""
    written: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if descriptor.artifact_type:
        written["artifactType"] = descriptor.artifact_type
    if descriptor.annotations:
        written["annotations"] = dict(descriptor.annotations)
    if descriptor.platform:
        written["platform"] = _write_platform(descriptor.platform)
    return written


def _read_platform(fields: Fields | None) -> Platform | None:
    if fields is None:
        return None
    architecture = fields.text("architecture", "")
    return Platform(
        fields.text("os", ""), *normalise_architecture(architecture, fields.text("variant", ""))
    )


def _write_platform(platform: Platform) -> dict[str, str]:
    written = {"os": platform.os, "architecture": platform.architecture}
    return {**written, "variant": platform.variant} if platform.variant else written
