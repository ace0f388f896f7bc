"""Image archives in the forms that other programs write, member by member."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from engine.oci.digest import Digest
from engine.oci.media_types import OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.images import PackedImage

Members = dict[str, bytes]


def tar_of(members: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """Return a tar of *members*, in their order, and then of symbolic *links*."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return stream.getvalue()


def classic_archive(config: bytes, tars: tuple[bytes, ...], *names: str) -> Members:
    """Return what docker wrote until version 24: a directory for each layer, the manifest last."""
    ids = [f"{number:064x}" for number in range(1, len(tars) + 1)]
    members: Members = {}
    for identity, tar in zip(ids, tars, strict=True):
        members[f"{identity}/VERSION"] = b"1.0"
        members[f"{identity}/json"] = b"{}"
        members[f"{identity}/layer.tar"] = tar
    config_name = f"{Digest.of(config).hex}.json"
    members[config_name] = config
    members["manifest.json"] = rendered(
        [
            {
                "Config": config_name,
                "RepoTags": list(names) or None,
                "Layers": [f"{identity}/layer.tar" for identity in ids],
            }
        ]
    )
    members["repositories"] = b"{}"
    return members


def oci_layout(
    *images: PackedImage, names: tuple[str, ...] = (), key: str = "io.containerd.image.name"
) -> Members:
    """Return an OCI layout of *images*, named one by one."""
    entries = []
    members: Members = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    for number, image in enumerate(images):
        entry = descriptor(image.manifest, image.media_type)
        if number < len(names):
            entry["annotations"] = {key: names[number]}
        entries.append(entry)
        members |= blobs(image.config, image.manifest, *image.layers)
    members["index.json"] = rendered({"schemaVersion": 2, "manifests": entries})
    return members


def nested_layout(index: bytes, *contents: bytes, name: str) -> Members:
    """Return an OCI layout whose one entry is *index*."""
    entry = descriptor(index, OCI_INDEX) | {"annotations": {"io.containerd.image.name": name}}
    return {
        **blobs(index, *contents),
        "index.json": rendered({"schemaVersion": 2, "manifests": [entry]}),
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    }


def blobs(*contents: bytes) -> Members:
    return {f"blobs/sha256/{Digest.of(each).hex}": each for each in contents}


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    digest = str(Digest.of(content))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def rendered(document: Any) -> bytes:
    return json.dumps(document).encode()
