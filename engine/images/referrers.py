"""Telling a registry without the referrers API what refers to what (distribution-spec)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import ImageNotFound
from engine.oci.descriptor import Descriptor
from engine.oci.manifest import Index, Manifest, render_index
from engine.oci.media_types import OCI_INDEX
from engine.registry.listing import referrers_tag

if TYPE_CHECKING:
    from engine.images.copy_plan import CopiedDocument
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient


def tag_referrer(client: RegistryClient, target: Reference, document: CopiedDocument) -> None:
    """Let the list under the tag of its subject name *document*, which is in that repository."""
    assert document.subject is not None
    tag = replace(target, tag=referrers_tag(document.subject), digest=None)
    listed = _listed(client, tag)
    entry = _entry(document)
    if entry.digest not in {each.digest for each in listed}:
        index = render_index(Index(OCI_INDEX, (*listed, entry)))
        client.push_manifest(tag, index, media_type=OCI_INDEX)


def _listed(client: RegistryClient, tag: Reference) -> tuple[Descriptor, ...]:
    try:
        parsed = client.fetch_manifest(tag).parsed
    except ImageNotFound:
        return ()
    return parsed.manifests if isinstance(parsed, Index) else ()


def _entry(document: CopiedDocument) -> Descriptor:
    kind = json.loads(document.content).get("artifactType", "")
    if not kind and isinstance(document.parsed, Manifest):
        kind = document.parsed.config.media_type
    size = len(document.content)
    return Descriptor(document.media_type, document.digest, size, artifact_type=str(kind))
