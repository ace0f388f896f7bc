"""Layers that are refused, and leave nothing."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    BlobNotFound,
    DiffIDMismatch,
    DigestMismatch,
    InvalidLayer,
    LimitExceeded,
    UnsafePath,
)
from engine.images.unpack import Packed
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from engine.snapshots.snapshotter import Kind
from tests.support.builders import (
    built_image,
    built_layer,
    directory,
    file,
    hardlink,
    layer_tar,
    opaque,
    symlink,
    tiny_image,
)
from tests.support.layers import packed_blob
from tests.support.tars import gnu_sparse_tar, header, pax_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from engine.errors import EngineError
    from tests.support.unpacking import World

pytestmark = pytest.mark.root


def test_a_hard_link_to_nothing_is_refused_and_nothing_becomes_visible(world: World) -> None:
    image = built_image(built_layer(file("x", b"1")), built_layer(hardlink("y", "nothing")))

    with pytest.raises(InvalidLayer, match="nothing"):
        world.unpack(image)

    assert [each.kind for each in world.snapshotter.iter_snapshots()] == [Kind.STAGED] * 2


def test_a_hard_link_to_what_a_layer_between_removed_is_refused(world: World) -> None:
    image = built_image(
        built_layer(directory("a"), file("a/x", b"1")),
        built_layer(directory("a"), opaque("a")),
        built_layer(hardlink("y", "a/x")),
    )

    with pytest.raises(InvalidLayer, match="a/x"):
        world.unpack(image)


def test_a_link_below_cannot_lead_a_hard_link_outside(world: World) -> None:
    outside = world.place / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    image = built_image(
        built_layer(symlink("way", str(outside))), built_layer(hardlink("y", "way/secret"))
    )

    with pytest.raises(InvalidLayer):
        world.unpack(image)


def test_a_wrong_diff_id_leaves_nothing(world: World) -> None:
    image = tiny_image()
    layer = image.layers[0]
    world.store.put(layer.blob)

    with pytest.raises(DiffIDMismatch):
        world.unpacker.stage_packed(
            packed_blob(world.store, layer.descriptor),
            diff_id=DiffID(Digest.of(b"other")),
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert list(world.snapshotter.iter_snapshots()) == []


def test_a_missing_blob_leaves_nothing(world: World) -> None:
    image = tiny_image()

    with pytest.raises(BlobNotFound):
        world.unpacker.stage_packed(
            packed_blob(world.store, image.layers[0].descriptor),
            diff_id=image.layers[0].diff_id,
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert list(world.snapshotter.iter_snapshots()) == []


def test_bytes_that_turn_out_wrong_at_their_end_leave_nothing(world: World) -> None:
    image = tiny_image()
    layer, seen = image.layers[0], []

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(layer.blob)
        seen.append([each.details for each in world.snapshotter.iter_snapshots()])
        raise DigestMismatch(expected=layer.descriptor.digest, actual=Digest.of(b"other"))

    with pytest.raises(DigestMismatch):
        world.unpacker.stage_packed(
            Packed(opened, Compression.GZIP, "layer"),
            diff_id=layer.diff_id,
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert seen == [[None]]  # written by then, and not sealed
    assert list(world.snapshotter.iter_snapshots()) == []
    assert list(world.place.joinpath("root/snapshots").iterdir()) == []


HUGE_LIE = header(b"x", kind=b"x", content=pax_record("size", str(1 << 50))) + header(b"f")


SPARSE_LIE = gnu_sparse_tar("1.0", "f", 1 << 50, [(0, 3)], b"abc")


@pytest.mark.parametrize(
    ("tar", "error"),
    [
        pytest.param(layer_tar(file("../evil", b"x")), UnsafePath, id="climbs-by-name"),
        pytest.param(layer_tar(file("/evil", b"x")), UnsafePath, id="absolute"),
        pytest.param(
            layer_tar(symlink("way", "/"), file("way/evil", b"x")), UnsafePath, id="by-link"
        ),
        pytest.param(layer_tar(hardlink("evil", "../../etc/shadow")), UnsafePath, id="hard-link"),
        pytest.param(header(b"d", kind=b"3", major=1 << 40), InvalidLayer, id="device"),
        pytest.param(HUGE_LIE, LimitExceeded, id="size-beyond-limits"),
        pytest.param(header(b"f", size=10_000), InvalidLayer, id="size-that-lies"),
        pytest.param(header(b"f", uid=-1), InvalidLayer, id="owner-that-cannot-be"),
        pytest.param(SPARSE_LIE, LimitExceeded, id="holes-beyond-limits"),
        pytest.param(layer_tar(file("ok", b"x")) + b"\1" * 600, None, id="after-the-end"),
        pytest.param(header(b"a", content=b"x" * 600)[:700], InvalidLayer, id="cut"),
        pytest.param(layer_tar(file("a"), file("a/b")), InvalidLayer, id="below-a-file"),
    ],
)
def test_an_attack_ends_in_its_error_and_leaves_nothing(
    world: World, tar: bytes, error: type[EngineError] | None
) -> None:
    packed = Packed(lambda: io.BytesIO(tar), Compression.NONE, "layer")
    if error is None:
        assert world.unpacker.stage_tar("attack", packed).tar_bytes == len(tar)
        return

    with pytest.raises(error):
        world.unpacker.stage_tar("attack", packed)

    assert list(world.snapshotter.iter_snapshots()) == []
    assert list(world.place.joinpath("root/snapshots").iterdir()) == []
    assert not list(world.place.rglob("evil"))
