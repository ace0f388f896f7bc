"""
A large image for measurements, the same bytes every time: an OCI layout on disk.

By default about 300 MB compressed, 680 MB unpacked, 50,000 files, 6 layers; sizes of files are
spread as in a distribution's packages: most are small, a few hold most of the bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

SHARES = (0.30, 0.25, 0.20, 0.12, 0.08, 0.05)
MADE_AT = 1_714_564_800
_MEAN_BYTES = 12_900
_SPREAD = 1.9
_MEAN_OF_SPREAD = 6.08
_RANDOM, _TEXT = 0.20, 0.37  # shares of the files; the rest is in between
_LARGEST = 24 << 20
_FILES_PER_DIRECTORY = 25
_LEVEL = 4


@dataclass(frozen=True)
class LargeImage:
    """What `make_large_image` made; *layout* is read by `skopeo copy oci:LAYOUT:latest`."""

    layout: Path
    files: int
    unpacked_bytes: int
    packed_bytes: int


def make_large_image(layout: Path, *, files: int = 50_000, seed: int = 1) -> LargeImage:
    """Write the image into the directory *layout*, which must not be there."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)
    chance = random.Random(seed)
    layers, diff_ids, unpacked = [], [], 0
    for number, share in enumerate(SHARES):
        tar = _layer(chance, number, round(files * share))
        unpacked += len(tar)
        diff_ids.append(f"sha256:{hashlib.sha256(tar).hexdigest()}")
        packed = gzip.compress(tar, _LEVEL, mtime=0)
        layers.append(_put(blobs, packed, OCI_LAYER_GZIP))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-05-01T12:00:00Z",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": f"layer {number}"} for number in range(len(SHARES))],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _put(blobs, json.dumps(config).encode(), OCI_CONFIG),
        "layers": layers,
    }
    described = _put(blobs, json.dumps(manifest).encode(), OCI_MANIFEST)
    described["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return LargeImage(layout, files, unpacked, sum(each["size"] for each in layers))


def _layer(chance: random.Random, number: int, files: int) -> bytes:
    buffer = io.BytesIO()
    place = ""
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for at in range(files):
            if at % _FILES_PER_DIRECTORY == 0:
                place = f"usr/share/part{number}/{at // 1000:03}/{at // _FILES_PER_DIRECTORY:04}"
                tar.addfile(_described(place, tarfile.DIRTYPE, 0o755))
            content = _content(chance)
            each = _described(f"{place}/file-{at:05}.dat", tarfile.REGTYPE, 0o644)
            each.size = len(content)
            tar.addfile(each, io.BytesIO(content))
    return buffer.getvalue()


def _described(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, MADE_AT
    info.uname = info.gname = "root"
    return info


def _content(chance: random.Random) -> bytes:
    size = min(int(chance.lognormvariate(0, _SPREAD) * _MEAN_BYTES / _MEAN_OF_SPREAD), _LARGEST)
    kind = chance.random()
    if kind < _RANDOM:
        return chance.randbytes(size)
    if kind < _RANDOM + _TEXT:
        line = chance.randbytes(40).hex().encode() + b" the quick brown fox jumps over it\n"
        return (line * (size // len(line) + 1))[:size]
    # Hexadecimal digits pack to about a half, as programs do.
    return chance.randbytes(size // 2 + 1).hex().encode()[:size]


def _put(blobs: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}
