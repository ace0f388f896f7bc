"""Layers and images made in a few lines, for tests of everything that reads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import zstandard

from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.media_types import Compression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOON = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One tar entry; write it with `file`, `directory`, `symlink`, `hardlink`, `device`…"""

    info: tarfile.TarInfo
    content: bytes = b""


def file(name: str, content: bytes = b"", **facts: Any) -> Item:
    return Item(
        _info(name, tarfile.REGTYPE, {"mode": 0o644, "size": len(content), **facts}), content
    )


def directory(name: str, **facts: Any) -> Item:
    return Item(_info(name, tarfile.DIRTYPE, {"mode": 0o755, **facts}))


def symlink(name: str, target: str, **facts: Any) -> Item:
    return Item(_info(name, tarfile.SYMTYPE, {"mode": 0o777, "linkname": target, **facts}))


def hardlink(name: str, target: str, **facts: Any) -> Item:
    return Item(_info(name, tarfile.LNKTYPE, {"linkname": target, **facts}))


def character_device(name: str, major: int, minor: int, **facts: Any) -> Item:
    numbers = {"devmajor": major, "devminor": minor}
    return Item(_info(name, tarfile.CHRTYPE, {"mode": 0o600, **numbers, **facts}))


def block_device(name: str, major: int, minor: int, **facts: Any) -> Item:
    numbers = {"devmajor": major, "devminor": minor}
    return Item(_info(name, tarfile.BLKTYPE, {"mode": 0o600, **numbers, **facts}))


def fifo(name: str, **facts: Any) -> Item:
    return Item(_info(name, tarfile.FIFOTYPE, {"mode": 0o644, **facts}))


def whiteout(name: str) -> Item:
    """Return the entry that says that *name* of the layers below is gone."""
    parent, slash, last = name.rpartition("/")
    return file(f"{parent}{slash}.wh.{last}")


def opaque(name: str) -> Item:
    """Return the entry that hides all that the layers below have in the directory *name*."""
    return file(f"{name}/.wh..wh..opq" if name else ".wh..wh..opq")


def with_xattrs(item: Item, **xattrs: str) -> Item:
    """Return *item* with extended attributes; `__` in a name stands for a dot."""
    headers = {f"SCHILY.xattr.{key.replace('__', '.')}": value for key, value in xattrs.items()}
    item.info.pax_headers = {**item.info.pax_headers, **headers}
    return item


def layer_tar(*items: Item, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return the tar of *items*, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for item in items:
            archive.addfile(item.info, io.BytesIO(item.content) if item.content else None)
    return out.getvalue()


def packed(tar: bytes, compression: Compression) -> bytes:
    """Return *tar* compressed so that the same tar always gives the same bytes."""
    if compression is Compression.GZIP:
        return gzip.compress(tar, compresslevel=1, mtime=0)
    if compression is Compression.ZSTD:
        return zstandard.compress(tar, 1)
    return tar


_LAYER_TYPES = {
    Compression.NONE: media_types.OCI_LAYER,
    Compression.GZIP: media_types.OCI_LAYER_GZIP,
    Compression.ZSTD: media_types.OCI_LAYER_ZSTD,
}


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer as a registry has it: *blob* under *descriptor*, and the *diff_id* of its tar."""

    blob: bytes
    descriptor: Descriptor
    diff_id: DiffID


def built_layer(*items: Item, compression: Compression = Compression.GZIP) -> BuiltLayer:
    """Return the layer of *items*."""
    return layer_of(layer_tar(*items), compression=compression)


def layer_of(tar: bytes, *, compression: Compression = Compression.GZIP) -> BuiltLayer:
    """Return the layer whose tar is *tar*."""
    blob = packed(tar, compression)
    descriptor = Descriptor(_LAYER_TYPES[compression], Digest.of(blob), len(blob))
    return BuiltLayer(blob, descriptor, DiffID(Digest.of(tar)))


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image as a registry has it: every blob by digest, the manifest's bytes among them."""

    layers: tuple[BuiltLayer, ...]
    config: bytes
    manifest: bytes
    blobs: Mapping[Digest, bytes] = field(default_factory=dict)

    @property
    def manifest_digest(self) -> Digest:
        return Digest.of(self.manifest)

    @property
    def image_id(self) -> Digest:
        return Digest.of(self.config)

    @property
    def chain_ids(self) -> tuple[ChainID, ...]:
        return chain_ids([layer.diff_id for layer in self.layers])


def built_image(*layers: BuiltLayer, config: Mapping[str, Any] | None = None) -> BuiltImage:
    """Return the image of *layers*, lowest first; *config* is merged into its config's `config`."""
    config_bytes = _config(layers, config or {})
    manifest = _manifest(layers, config_bytes)
    blobs = {layer.descriptor.digest: layer.blob for layer in layers}
    blobs |= {Digest.of(each): each for each in (config_bytes, manifest)}
    return BuiltImage(layers, config_bytes, manifest, blobs)


def tiny_image(text: str = "hello", *, layers: int = 2) -> BuiltImage:
    """Return an image of a few files; another *text* gives another image with the same base."""
    base = built_layer(directory("etc"), file("etc/os-release", b"ID=tiny\n"), directory("bin"))
    others = [built_layer(file(f"greeting-{number}", text.encode())) for number in range(1, layers)]
    return built_image(base, *others, config={"Cmd": ["/bin/true"], "Env": ["PATH=/bin"]})


def _config(layers: Iterable[BuiltLayer], settings: Mapping[str, Any]) -> bytes:
    diff_ids = [str(layer.diff_id) for layer in layers]
    history = [
        {"created": "2023-11-14T22:13:20Z", "created_by": f"COPY layer {number} /"}
        for number, _ in enumerate(diff_ids)
    ]
    document = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": "amd64",
        "os": "linux",
        "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    return json.dumps(document).encode()


def _manifest(layers: Iterable[BuiltLayer], config: bytes) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": {
            "mediaType": media_types.OCI_CONFIG,
            "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": layer.descriptor.media_type,
                "digest": str(layer.descriptor.digest),
                "size": layer.descriptor.size,
            }
            for layer in layers
        ],
    }
    return json.dumps(document).encode()


def _info(name: str, kind: bytes, facts: Mapping[str, Any]) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mtime = NOON
    for key, value in facts.items():
        setattr(info, key, value)
    return info
