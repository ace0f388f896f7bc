"""
What image archives say about themselves, in the tar that `save` writes and `load` reads.

Two forms, which may share one tar and its blobs:

*docker-archive*   `manifest.json` lists images: the member of the config, the members of the layers
                   lowest first, the tags. Older writers named members `<id>/layer.tar`.
*OCI layout*       `oci-layout` and `index.json`; every member is `blobs/sha256/<hex>`. Names are in
                   annotations: containerd's with the whole name, OCI's with the tag alone or, as
                   podman writes it, the whole name.

All pure: from documents to values and back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import InvalidArchive, InvalidDigest, InvalidReference, NoMatchingPlatform
from engine.oci.descriptor import write_descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_LAYERS, Index, Manifest, parse_manifest
from engine.oci.media_types import ACCEPTED, OCI_INDEX
from engine.oci.platform import best_match, host_platform
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.oci.descriptor import Descriptor

DOCKER_MANIFEST = "manifest.json"
DOCKER_REPOSITORIES = "repositories"
OCI_LAYOUT = "oci-layout"
OCI_INDEX_NAME = "index.json"
BLOBS = "blobs/sha256/"
NAME_ANNOTATION = "io.containerd.image.name"
TAG_ANNOTATION = "org.opencontainers.image.ref.name"
LAYOUT_CONTENT = b'{"imageLayoutVersion":"1.0.0"}'
MAX_IMAGES = 4096
MAX_DEPTH = 8


class Documents(Protocol):
    """The members of an archive, by name."""

    def has(self, name: str) -> bool:
        """Return whether the archive holds a member *name*."""

    def read(self, name: str) -> bytes:
        """Return the content of a small member; raise `InvalidArchive` where there is none."""


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """
    One image of an archive.

    *layers* are the names of members, lowest first. *documents* are what stands between the index
    of the archive and the image: its manifest, and indexes that list it; none in an archive of
    docker's own form, whose *manifest* is None.
    """

    config: bytes
    layers: tuple[str, ...]
    names: tuple[Reference, ...] = ()
    manifest: Manifest | None = None
    documents: tuple[bytes, ...] = ()


def blob_name(digest: Digest) -> str:
    """Return the name of the member that holds the blob *digest*."""
    return BLOBS + digest.hex


def blob_digest(name: str) -> Digest | None:
    """Return which blob a member of that *name* must be, or None where it may be anything."""
    if not name.startswith(BLOBS):
        return None
    try:
        return Digest.parse("sha256:" + name.removeprefix(BLOBS))
    except InvalidDigest:
        return None


def read_images(documents: Documents) -> list[ArchivedImage]:
    """
    Return the images of an archive, in its order, those that both forms list once.

    Raises `InvalidArchive`, `InvalidManifest`, `InvalidReference`, or `NoMatchingPlatform` where
    all that an index offers is for other machines.
    """
    found: dict[Digest, ArchivedImage] = {}
    for image in _iter_images(documents):
        key = Digest.of(image.config)
        known = found.get(key)
        if known is None:
            found[key] = image
        else:
            names = tuple(dict.fromkeys((*known.names, *image.names)))
            found[key] = replace(known, names=names)
    if not found:
        raise InvalidArchive("it holds no image")
    return list(found.values())


def _iter_images(documents: Documents) -> Iterator[ArchivedImage]:
    has_docker, has_oci = documents.has(DOCKER_MANIFEST), documents.has(OCI_INDEX_NAME)
    if not has_docker and not has_oci:
        raise InvalidArchive(f"it has neither {DOCKER_MANIFEST} nor {OCI_INDEX_NAME}")
    # The OCI form first: it knows the digests that a registry knows.
    if has_oci:
        yield from _oci_images(documents)
    if has_docker:
        yield from _docker_images(documents)


# --- docker's form


def _docker_images(documents: Documents) -> Iterator[ArchivedImage]:
    listed = _json(documents, DOCKER_MANIFEST)
    if not isinstance(listed, list) or len(listed) > MAX_IMAGES:
        raise InvalidArchive(f"{DOCKER_MANIFEST} is no list of images")
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("Config"), str):
            raise InvalidArchive(f"{DOCKER_MANIFEST} lists an image without a config")
        layers = _texts(entry, "Layers")
        if len(layers) > MAX_LAYERS:
            raise InvalidArchive(f"an image has more than {MAX_LAYERS} layers")
        names = tuple(Reference.parse(text) for text in _texts(entry, "RepoTags"))
        yield ArchivedImage(documents.read(entry["Config"]), layers, names)


def _texts(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidArchive(f"{DOCKER_MANIFEST}: {key} is no list of names")
    return tuple(value)


def _json(documents: Documents, name: str) -> Any:
    try:
        return json.loads(documents.read(name))
    except (ValueError, RecursionError) as error:
        raise InvalidArchive(f"{name} is not JSON") from error


# --- the OCI form


def _oci_images(documents: Documents) -> Iterator[ArchivedImage]:
    index = parse_manifest(documents.read(OCI_INDEX_NAME), served_as=OCI_INDEX)
    if not isinstance(index, Index):
        raise InvalidArchive(f"{OCI_INDEX_NAME} is no index")
    for descriptor in index.manifests:
        if descriptor.media_type in ACCEPTED:
            yield _oci_image(documents, descriptor)


def _oci_image(documents: Documents, descriptor: Descriptor) -> ArchivedImage:
    names = _names(descriptor)
    above: tuple[bytes, ...] = ()
    for _ in range(MAX_DEPTH):
        content = documents.read(blob_name(descriptor.digest))
        document = parse_manifest(content, served_as=descriptor.media_type)
        above = (content, *above)
        if isinstance(document, Manifest):
            config = documents.read(blob_name(document.config.digest))
            layers = tuple(blob_name(layer.digest) for layer in document.layers)
            return ArchivedImage(config, layers, names, document, above)
        descriptor = _chosen(documents, document)
    raise InvalidArchive(f"indexes are nested more than {MAX_DEPTH} deep")


def _chosen(documents: Documents, index: Index) -> Descriptor:
    """Return the manifest of *index* for this host, among those that the archive holds."""
    present = [each for each in index.manifests if documents.has(blob_name(each.digest))]
    offered = [each for each in present if each.platform and each.platform.os != "unknown"]
    if not offered and len(present) == 1:
        return present[0]
    platforms = [each.platform for each in offered if each.platform]
    best = best_match(host_platform(), platforms)
    if best is None:
        raise NoMatchingPlatform(str(host_platform()), offered=tuple(map(str, platforms)))
    return offered[best]


def _names(descriptor: Descriptor) -> tuple[Reference, ...]:
    whole = descriptor.annotations.get(NAME_ANNOTATION, "")
    if whole:
        return (Reference.parse(whole),)
    short = descriptor.annotations.get(TAG_ANNOTATION, "")
    # A tag alone names nothing: whoever wrote it knew the repository from elsewhere.
    if "/" not in short and ":" not in short:
        return ()
    try:
        return (Reference.parse(short),)
    except InvalidReference:
        return ()


# --- writing


@dataclass(frozen=True, slots=True)
class SavedImage:
    """One image to be written: what its manifest is, and the names that go with it."""

    config: Digest
    manifest: Descriptor
    layers: tuple[Descriptor, ...]
    names: tuple[Reference, ...]


def render_docker_manifest(images: Iterable[SavedImage]) -> bytes:
    """Return `manifest.json` for *images*."""
    return _rendered(
        [
            {
                "Config": blob_name(image.config),
                "RepoTags": [name.familiar for name in image.names] or None,
                "Layers": [blob_name(layer.digest) for layer in image.layers],
            }
            for image in images
        ]
    )


def render_repositories(images: Iterable[SavedImage]) -> bytes:
    """Return `repositories` for *images*: each tag, and its topmost layer."""
    repositories: dict[str, dict[str, str]] = {}
    for image in images:
        top = image.layers[-1].digest.hex if image.layers else image.config.hex
        for name in image.names:
            repositories.setdefault(name.familiar_name, {})[str(name.tag)] = top
    return _rendered(repositories)


def render_layout_index(images: Sequence[SavedImage]) -> bytes:
    """
    Return `index.json` for *images*: an entry for each name.

    Its reference name is the tag, as containerd and docker have it; where one tag would stand for
    two images it is the whole name, as podman has it.
    """
    tags = [name.tag for image in images for name in image.names]
    entries = []
    for image in images:
        entries += [
            replace(image.manifest, annotations=_annotations(name, tags)) for name in image.names
        ] or [image.manifest]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [write_descriptor(each) for each in entries],
    }
    return _rendered(document)


def _annotations(name: Reference, tags: Sequence[str | None]) -> dict[str, str]:
    short = str(name) if tags.count(name.tag) > 1 else str(name.tag)
    return {NAME_ANNOTATION: str(name), TAG_ANNOTATION: short}


def _rendered(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
