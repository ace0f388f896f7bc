"""The exact tar comes back, whatever is in it."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine.errors import CorruptStore
from engine.layers.apply import apply_layer
from engine.layers.compression import open_layer
from engine.layers.recipe import RECIPE, iter_tar
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from tests.support.applying import notes_in
from tests.support.builders import (
    directory,
    file,
    hardlink,
    layer_tar,
    opaque,
    symlink,
    whiteout,
    with_xattrs,
)
from tests.support.tars import gnu_sparse_tar, header

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

SEGMENTS = [(0, 3), (4096, 5), (1 << 20, 4)]
LONG = "d" * 90 + "/" + "f" * 120
CASES = [
    pytest.param(b"", id="nothing"),
    pytest.param(layer_tar(), id="no-entries"),
    pytest.param(layer_tar(file("a", b"x" * 3_000_000), file("b")), id="large-and-empty"),
    pytest.param(layer_tar(file("a", b"1")) + b"what follows" * 100_000, id="after-the-end"),
    pytest.param(layer_tar(file("a", b"first"), file("a", b"second")), id="twice"),
    pytest.param(
        layer_tar(file("a", b"1"), file("a", b"22"), hardlink("b", "a"), file("a", b"333")),
        id="thrice-with-a-link",
    ),
    pytest.param(
        layer_tar(file("a", b"x"), hardlink("b", "a"), file("b", b"yy"), file("b", b"zzz")),
        id="a-link-replaced",
    ),
    pytest.param(
        layer_tar(file("d/e/f", b"deep"), file("d/g", b"g"), file("d", b"file"), directory("d")),
        id="a-directory-replaced-and-back",
    ),
    pytest.param(
        layer_tar(file("a", b"1"), whiteout("a"), whiteout("b"), file("b", b"2"), opaque("c")),
        id="marks",
    ),
    pytest.param(layer_tar(file(".wh..wh.plnk/1.2", b"aufs")), id="reserved-name-with-a-body"),
    pytest.param(layer_tar(symlink("way", "real"), file("way/x", b"1")), id="through-a-link"),
    pytest.param(layer_tar(with_xattrs(file("a", b"1"), user__note="n")), id="attributes"),
    pytest.param(layer_tar(file(LONG, b"1"), form=tarfile.GNU_FORMAT), id="gnu-long-name"),
    pytest.param(layer_tar(file(LONG, b"1"), form=tarfile.PAX_FORMAT), id="pax-long-name"),
    pytest.param(header(b"a", content=b"unfilled")[:520], id="last-block-not-filled"),
    *[
        pytest.param(
            gnu_sparse_tar(version, "holes", (1 << 20) + 9, SEGMENTS, b"abcdefghijkl") * 2,
            id=f"sparse-{version}-twice",
        )
        for version in ("old", "0.0", "0.1", "1.0")
    ],
]


def applied(tar: bytes, place: Path) -> Path:
    (place / "fs").mkdir()
    apply_layer(
        open_layer(io.BytesIO(tar), Compression.NONE),
        target=place / "fs",
        notes=place,
        expected=DiffID(Digest.of(tar)),
        with_recipe=True,
    )
    return place


@pytest.mark.parametrize("tar", CASES)
def test_the_same_bytes_come_back(tmp_path: Path, tar: bytes) -> None:
    place = applied(tar, tmp_path)

    assert b"".join(iter_tar(notes_in(place), place / "fs")) == tar


def test_a_recipe_holds_no_content_that_the_files_hold(tmp_path: Path) -> None:
    place = applied(layer_tar(*[file(f"f{n}", bytes([n]) * 50_000) for n in range(50)]), tmp_path)

    assert (place / RECIPE).stat().st_size < 5000


@pytest.mark.parametrize("damage", ["gone", "short", "cut"])
def test_damage_is_told_and_not_made_up_for(tmp_path: Path, damage: str) -> None:
    place = applied(layer_tar(file("a", b"x" * 1000)), tmp_path)
    if damage == "gone":
        (place / "fs/a").unlink()
    elif damage == "short":
        (place / "fs/a").write_bytes(b"x")
    else:
        recipe = (place / RECIPE).read_bytes()
        (place / RECIPE).write_bytes(recipe[:-20])

    with pytest.raises(CorruptStore):
        list(iter_tar(notes_in(place), place / "fs"))


def test_a_link_that_was_put_there_later_is_not_followed(tmp_path: Path) -> None:
    place = applied(layer_tar(file("d/a", b"secret")), tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a").write_bytes(b"secret")
    (place / "fs/d/a").unlink()
    (place / "fs/d").rmdir()
    (place / "fs/d").symlink_to(tmp_path / "outside")

    with pytest.raises(CorruptStore):
        list(iter_tar(notes_in(place), place / "fs"))
