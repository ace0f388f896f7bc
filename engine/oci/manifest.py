"""
Manifests and indexes (image-spec manifest.md, image-index.md; Docker's schema 2).

The two are told apart by what the document says of itself; a document that claims to be both, or
whose media type contradicts how it was served, is refused, because two readers could then see two
different images under one digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidManifest, UnsupportedMediaType
from engine.oci import media_types
from engine.oci.descriptor import Descriptor, read_descriptor, write_descriptor
from engine.oci.fields import Fields, parse_object

if TYPE_CHECKING:
    from engine.oci.digest import Digest
    from engine.oci.platform import Platform

MAX_BYTES = 4 * 1024 * 1024
MAX_LAYERS = 512
MAX_MANIFESTS = 4096


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    One image for one platform: its config and its layers, lowest first.

    *subject* is the manifest that this one is about, if it is no image but says something of one.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Digest | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests, one for each platform."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Digest | None = None

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms that are offered, in order; attestations name none and are left out."""
        found = (each.platform for each in self.manifests)
        return tuple(platform for platform in found if platform and platform.os != "unknown")


def parse_manifest(content: bytes, *, served_as: str = "") -> Manifest | Index:
    """
    Return the manifest or index in *content*.

    *served_as* is the media type that came with it, if any. Raises `InvalidManifest`, or
    `UnsupportedMediaType` for what is neither (Docker's schema 1 among them).
    """
    fields = parse_object(content, limit=MAX_BYTES, complain=_complain)
    media_type = _media_type(fields, served_as)
    if media_type in media_types.INDEXES:
        return _read_index(fields, media_type)
    if media_type in media_types.MANIFESTS:
        return _read_manifest(fields, media_type)
    raise UnsupportedMediaType(media_type, what="manifest")


def render_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of *manifest*: equal manifests give equal bytes."""
    return _render(
        {
            "schemaVersion": 2,
            "mediaType": manifest.media_type,
            "config": write_descriptor(manifest.config),
            "layers": [write_descriptor(layer) for layer in manifest.layers],
        }
    )


def render_index(index: Index) -> bytes:
    """Return the bytes of *index*: equal indexes give equal bytes."""
    return _render(
        {
            "schemaVersion": 2,
            "mediaType": index.media_type,
            "manifests": [write_descriptor(each) for each in index.manifests],
        }
    )


def _render(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _complain(field: str, reason: str) -> InvalidManifest:
    return InvalidManifest(reason, field=field or "manifest")


def _media_type(fields: Fields, served_as: str) -> str:
    served = served_as.partition(";")[0].strip()
    claimed = fields.text("mediaType", "")
    known = served in media_types.ACCEPTED
    if claimed and known and claimed != served:
        raise InvalidManifest(f"it says it is {claimed} but was served as {served}")
    return claimed or (served if known else _guessed(fields, served))


def _guessed(fields: Fields, served: str) -> str:
    """Return the media type of a document without one: OCI makes the field optional."""
    if fields.values.get("schemaVersion") != 2:
        return served
    if "manifests" in fields.values:
        return media_types.OCI_INDEX
    return media_types.OCI_MANIFEST if "config" in fields.values else served


def _read_index(fields: Fields, media_type: str) -> Index:
    _refuse(fields, "layers", "config")
    children = fields.children("manifests", limit=MAX_MANIFESTS)
    manifests = tuple(read_descriptor(child) for child in children)
    return Index(media_type, manifests, _read_subject(fields))


def _read_manifest(fields: Fields, media_type: str) -> Manifest:
    _refuse(fields, "manifests")
    config = fields.child("config")
    if config is None:
        raise fields.error("config", "is missing")
    layers = fields.children("layers", limit=MAX_LAYERS)
    return Manifest(
        media_type,
        read_descriptor(config),
        tuple(read_descriptor(layer) for layer in layers),
        _read_subject(fields),
    )


def _read_subject(fields: Fields) -> Digest | None:
    subject = fields.child("subject")
    return None if subject is None else read_descriptor(subject).digest


def _refuse(fields: Fields, *keys: str) -> None:
    for key in keys:
        if key in fields.values:
            raise fields.error(key, "does not belong into a document of this media type")
