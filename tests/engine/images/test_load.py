from __future__ import annotations

import bz2
import gzip
import io
import lzma
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from engine.errors import (
    DiffIDMismatch,
    DigestMismatch,
    EngineError,
    InvalidArchive,
    InvalidImageConfig,
    InvalidManifest,
    InvalidReference,
    LimitExceeded,
    NoMatchingPlatform,
    UnsafePath,
)
from engine.images import archive_reader
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.platform import Platform
from engine.progress import Cancellation, Cancelled, Message
from engine.snapshots.snapshotter import Kind
from tests.support.archives import (
    blobs,
    classic_archive,
    nested_layout,
    oci_layout,
    rendered,
    tar_of,
)
from tests.support.builders import file, layer_tar
from tests.support.images import pack_image, pack_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.images.unpack import StagedTar
    from tests.support.archives import Members
    from tests.support.world import Sink, World

LOWER, UPPER = b"lower" * 1000, b"upper" * 1000
IMAGE = pack_image(LOWER, UPPER)
PLAIN = pack_image(LOWER, UPPER, layer_type=media_types.OCI_LAYER)
NAME = "team/web:1"


class Pipe(io.RawIOBase):
    """Bytes that cannot be seeked in, in small pieces; at *until* it does something first."""

    def __init__(
        self, content: bytes, *, until: int = -1, then: Callable[[], object] = lambda: None
    ) -> None:
        self._stream = io.BytesIO(content)
        self._until = until
        self._then = then

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if 0 <= self._until <= self._stream.tell() + 1000:
            self._until = -1
            self._then()
        return self._stream.read(min(size, 1000) if size >= 0 else 1000)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def load(world: World, members: Members | bytes, **options: object) -> tuple[list[str], list[str]]:
    content = members if isinstance(members, bytes) else tar_of(members)
    loaded = world.loader().load(Pipe(content), **options)  # type: ignore[arg-type]
    return [str(each.id) for each in loaded.images], [each.familiar for each in loaded.names]


DOCKER_25 = {
    **blobs(IMAGE.config, LOWER, UPPER),
    "manifest.json": rendered(
        [
            {
                "Config": f"blobs/sha256/{Digest.of(IMAGE.config).hex}",
                "RepoTags": [NAME],
                "Layers": [f"blobs/sha256/{Digest.of(tar).hex}" for tar in (LOWER, UPPER)],
            }
        ]
    ),
}
PACKED = [gzip.compress(tar) for tar in (LOWER, UPPER)]
FORMS: dict[str, Members] = {
    "docker-24": classic_archive(IMAGE.config, (LOWER, UPPER), NAME),
    "docker-25": DOCKER_25,
    "docker-with-packed-layers": classic_archive(IMAGE.config, (PACKED[0], PACKED[1]), NAME),
    "oci-by-containerd": oci_layout(IMAGE, names=(f"docker.io/{NAME}",)),
    "oci-by-podman": oci_layout(
        IMAGE, names=(f"docker.io/{NAME}",), key="org.opencontainers.image.ref.name"
    ),
    "oci-of-plain-tars": oci_layout(PLAIN, names=(f"docker.io/{NAME}",)),
    "oci-in-a-nested-index": nested_layout(
        pack_index(pack_image(b"other", platform=Platform("linux", "s390x")), IMAGE),
        IMAGE.manifest,
        IMAGE.config,
        *IMAGE.layers,
        name=f"docker.io/{NAME}",
    ),
    "both": {**DOCKER_25, **oci_layout(IMAGE, names=(f"docker.io/{NAME}",))},
}


@pytest.mark.parametrize("members", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_image(world: World, members: Members) -> None:
    ids, names = load(world, members, owner="ana")

    image = world.images.get(NAME)
    assert (ids, names) == ([str(Digest.of(IMAGE.config))], [NAME])
    assert (str(image.id), image.source, image.added_by) == (ids[0], "load", "ana")
    assert [layer.diff_id for layer in image.layers] == [Digest.of(LOWER), Digest.of(UPPER)]


@pytest.mark.parametrize(
    "packed",
    [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress],
    ids=["gzip", "bzip2", "xz", "zstd"],
)
def test_a_packed_archive_is_unpacked(world: World, packed: Callable[[bytes], bytes]) -> None:
    assert load(world, packed(tar_of(FORMS["docker-24"])))[1] == [NAME]


def test_an_oci_manifest_that_a_registry_knows_is_kept(world: World) -> None:
    load(world, FORMS["oci-by-containerd"])

    image = world.images.get(NAME)
    assert image.manifest_digest == IMAGE.digest
    assert {IMAGE.digest, image.id} <= {blob.digest for blob in world.store.iter_blobs()}


def test_a_manifest_of_plain_tars_is_not(world: World) -> None:
    load(world, FORMS["oci-of-plain-tars"])

    assert world.images.get(NAME).manifest_digest is None


def test_layers_that_images_share_are_links_in_older_archives(world: World) -> None:
    members = classic_archive(IMAGE.config, (LOWER, UPPER), NAME)
    first, second = (name for name in members if name.endswith("layer.tar"))
    del members[second]
    members["elsewhere/layer.tar"] = UPPER

    content = tar_of(members, links={second: "../elsewhere/layer.tar"})

    assert first
    assert load(world, content)[1] == [NAME]


def test_several_images_are_loaded_as_one(world: World, sink: Sink) -> None:
    other = pack_image(LOWER, b"other", label="other")
    members = oci_layout(IMAGE, other, names=("docker.io/team/web:1",))

    ids, names = load(world, members, progress=sink)

    assert (len(ids), names) == (2, [NAME])
    assert len(world.layers.staged_tars) == 3
    said = [each.text for each in sink.events if isinstance(each, Message)]
    assert said == [f"Loaded image: {NAME}", f"Loaded image ID: {Digest.of(other.config)}"]


def test_loading_again_changes_nothing(world: World) -> None:
    load(world, FORMS["both"])
    before = (world.disk_bytes, world.list_events())

    load(world, FORMS["both"])

    assert (world.disk_bytes, world.list_events()) == before
    assert len(world.layers.staged) + len(world.layers.staged_tars) == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_layer_is_unpacked_while_the_rest_of_the_archive_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    begun, waited = threading.Event(), list[bool]()
    stage = world.layers.stage_tar

    def stage_tar(*words: Any, **facts: Any) -> StagedTar:
        begun.set()
        return stage(*words, **facts)

    monkeypatch.setattr(world.layers, "stage_tar", stage_tar)
    tar = layer_tar(file("a", b"content"))
    image = pack_image(tar)
    content = tar_of(classic_archive(image.config, (pack(tar),), NAME))
    at = content.index(b"manifest.json")

    world.loader().load(Pipe(content, until=at, then=lambda: waited.append(begun.wait(20))))

    assert waited == [True]
    assert (world.layers.staged, world.layers.staged_tars) == ([], [Digest.of(tar)])
    assert world.layers.find(str(world.images.get(NAME).layers[0].chain_id))


def test_a_tar_that_is_no_layer_of_an_image_is_dropped(world: World) -> None:
    other = layer_tar(file("other", b"content"))
    extra = {"extra.tar": other, "extra.gz": gzip.compress(b"no tar"), "bad.gz": b"\x1f\x8b bad"}

    load(world, {**extra, **FORMS["docker-24"]})

    assert {each.kind for each in world.layers.iter_snapshots()} == {Kind.COMMITTED}
    assert len(list(world.layers.iter_snapshots())) == 2


def test_a_layer_that_an_image_has_twice_is_unpacked_for_each_place(world: World) -> None:
    tar = layer_tar(file("a", b"content"))
    image = pack_image(tar, tar)

    assert load(world, oci_layout(image, names=(NAME,)))[1] == [NAME]

    assert len(list(world.layers.iter_snapshots())) == 2


def test_what_was_unpacked_ahead_goes_when_the_load_is_cancelled(world: World) -> None:
    tar = layer_tar(file("a", b"content"))
    content = tar_of(classic_archive(pack_image(tar).config, (tar,), NAME))
    cancellation = Cancellation()
    at = content.index(b"manifest.json")

    with pytest.raises(Cancelled):
        world.loader().load(
            Pipe(content, until=at, then=cancellation.cancel), cancellation=cancellation
        )

    assert list(world.layers.iter_snapshots()) == []


def test_a_tag_moves_to_the_image_that_was_loaded(world: World) -> None:
    old = world.add(b"old", tags=(NAME,))

    load(world, FORMS["docker-24"])

    assert world.images.get(NAME).id != old.id
    assert world.images.tag_moves(old.id)[0].reason == "load"


def other_platform() -> Members:
    image = pack_image(LOWER, platform=Platform("linux", "s390x"))
    index = pack_index(image, pack_image(UPPER, platform=Platform("linux", "mips")))
    return nested_layout(index, image.manifest, image.config, *image.layers, name=NAME)


def without(members: Members, ending: str) -> Members:
    gone = next(name for name in members if name.endswith(ending))
    return {name: content for name, content in members.items() if name != gone}


def changed(members: Members, ending: str, content: bytes) -> Members:
    name = next(name for name in members if name.endswith(ending))
    return {**members, name: content}


def linked(target: str, **more: str) -> bytes:
    members = without(FORMS["docker-24"], "layer.tar")
    return tar_of(members, links={f"{1:064x}/layer.tar": target, **more})


CONFIG = f"{Digest.of(IMAGE.config).hex}.json"
LAYER = Digest.of(IMAGE.layers[0]).hex
CLASSIC, OCI = FORMS["docker-24"], FORMS["oci-by-containerd"]
BAD: dict[str, tuple[Members | bytes, type[EngineError]]] = {
    "nothing": (b"", InvalidArchive),
    "no-tar": (b"not a tar" * 200, InvalidArchive),
    "empty-tar": (tar_of({}), InvalidArchive),
    "no-manifest": (without(CLASSIC, "manifest.json"), InvalidArchive),
    "cut-short": (tar_of(OCI)[:1700], InvalidArchive),
    "cut-gzip": (gzip.compress(tar_of(OCI))[:400], InvalidArchive),
    "cut-xz": (lzma.compress(tar_of(OCI))[:400], InvalidArchive),
    "damaged-bzip2": (b"BZh9" + bytes(1000), InvalidArchive),
    "manifest-no-json": (changed(CLASSIC, "manifest.json", b"{"), InvalidArchive),
    "manifest-no-list": (changed(CLASSIC, "manifest.json", b"{}"), InvalidArchive),
    "manifest-of-nothing": (changed(CLASSIC, "manifest.json", b"[]"), InvalidArchive),
    "no-config": (changed(CLASSIC, "manifest.json", b'[{"Config": "x"}]'), InvalidArchive),
    "config-no-text": (changed(CLASSIC, "manifest.json", b'[{"Config": 1}]'), InvalidArchive),
    "config-no-config": (changed(CLASSIC, CONFIG, b"[]"), InvalidImageConfig),
    "layer-missing": (without(CLASSIC, "layer.tar"), InvalidArchive),
    "other-layer": (changed(CLASSIC, "layer.tar", b"other"), DiffIDMismatch),
    "bad-name": (classic_archive(IMAGE.config, (LOWER, UPPER), "Team/Web"), InvalidReference),
    "too-few-layers": (classic_archive(IMAGE.config, (LOWER,), NAME), InvalidManifest),
    "blob-is-other": (changed(OCI, LAYER, gzip.compress(b"other")), EngineError),
    "config-blob-is-other": (changed(OCI, Digest.of(IMAGE.config).hex, b"{}"), DigestMismatch),
    "blob-missing": (without(OCI, LAYER), InvalidArchive),
    "other-machines-only": (other_platform(), NoMatchingPlatform),
    "index-is-manifest": (changed(OCI, "index.json", IMAGE.manifest), EngineError),
    "climbs": (tar_of({**CLASSIC, "../../etc/passwd": b"x"}), UnsafePath),
    "absolute": (tar_of({**CLASSIC, "/etc/passwd": b"x"}), UnsafePath),
    "twice": (tar_of(CLASSIC)[:-10240] + tar_of(CLASSIC), InvalidArchive),
    "link-out": (linked("/etc/shadow"), InvalidArchive),
    "link-loop": (linked("../a", a="a"), InvalidArchive),
    "huge-document": (changed(CLASSIC, "manifest.json", b" " * (4 << 20) + b"[]"), LimitExceeded),
}


@pytest.mark.parametrize(("members", "error"), BAD.values(), ids=BAD)
def test_what_cannot_be_loaded_leaves_nothing(
    world: World, members: Members | bytes, error: type[EngineError]
) -> None:
    with pytest.raises(error):
        load(world, members)

    assert world.images.list_all() == []
    assert world.list_events() == []
    assert world.disk_bytes == 0


def test_one_bad_image_keeps_all_from_being_loaded(world: World) -> None:
    good = oci_layout(IMAGE, names=(NAME,))
    bad = classic_archive(pack_image(b"one").config, (b"two",), "team/bad:1")

    with pytest.raises(DiffIDMismatch):
        load(world, {**good, **bad})

    assert world.images.list_all() == []
    assert world.disk_bytes == 0


def test_a_bomb_is_refused_before_it_fills_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace_limits(ratio_exempt_bytes=1 << 20, ratio=50)
    monkeypatch.setattr(archive_reader, "ARCHIVE_LIMITS", limits)
    bomb = gzip.compress(tar_of({"layer.tar": bytes(8 << 20)}))

    with pytest.raises(LimitExceeded, match="ratio"):
        archive_reader.UnpackedArchive(io.BytesIO(bomb), limits).read(-1)


def replace_limits(**changes: int) -> archive_reader.Limits:
    return archive_reader.ARCHIVE_LIMITS._replace(**changes)


def test_a_load_can_be_cancelled(world: World) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    with pytest.raises(Cancelled):
        load(world, FORMS["docker-24"], cancellation=cancellation)

    assert world.images.list_all() == []


def test_names_that_both_forms_give_are_told_once(world: World) -> None:
    members = {**DOCKER_25, **oci_layout(IMAGE, names=("docker.io/team/other:2",))}

    assert load(world, members)[1] == ["team/other:2", NAME]
    assert replace(world.images.get(NAME), tags=()).is_dangling
