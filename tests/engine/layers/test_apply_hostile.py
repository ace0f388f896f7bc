"""What an attacker's layer does not do: reach outside, or fill the disk."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError, InvalidLayer, LimitExceeded, UnsafePath
from engine.layers.apply import AppliedLayer, apply_layer
from engine.layers.compression import open_layer
from engine.layers.limits import Limits
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from tests.support.applying import apply, apply_tar
from tests.support.builders import (
    Item,
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hardlink,
    layer_tar,
    opaque,
    packed,
    symlink,
    whiteout,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root


# --- what is refused


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([file("../evil", b"1")], id="dots"),
        pytest.param([file("a/../../evil", b"1")], id="dots-inside"),
        pytest.param([file("..", b"1")], id="only-dots"),
        pytest.param([directory("../evil")], id="directory"),
        pytest.param([file("/evil", b"1")], id="absolute"),
        pytest.param([file("//evil", b"1")], id="absolute-twice"),
        pytest.param([whiteout("../evil")], id="whiteout"),
        pytest.param([opaque("..")], id="opaque"),
        pytest.param([symlink("way", ".."), file("way/evil", b"1")], id="link-up"),
        pytest.param([symlink("way", "/"), file("way/evil", b"1")], id="link-to-root"),
        pytest.param([symlink("way", "/tmp"), file("way/evil", b"1")], id="link-absolute"),
        pytest.param([symlink("way", "/tmp"), whiteout("way/evil")], id="whiteout-by-link"),
        pytest.param([symlink("way", "/tmp"), directory("way/evil")], id="directory-by-link"),
        pytest.param(
            [directory("a"), symlink("a/way", "../../outer"), file("a/way/evil", b"1")],
            id="link-that-climbs",
        ),
        pytest.param(
            [symlink("one", "two"), symlink("two", ".."), file("one/evil", b"1")],
            id="link-by-link",
        ),
        pytest.param([symlink("a", "b"), symlink("b", "a"), file("a/evil", b"1")], id="circle"),
        pytest.param([hardlink("evil", "../secret")], id="hard-link-up"),
        pytest.param([hardlink("evil", "/etc/passwd")], id="hard-link-absolute"),
        pytest.param([symlink("way", ".."), hardlink("evil", "way/secret")], id="hard-by-link"),
    ],
)
def test_nothing_reaches_outside(target: Path, items: list[Item]) -> None:
    (target.parent / "secret").write_text("secret")

    with pytest.raises(UnsafePath):
        apply(target, *items)

    assert sorted(each.name for each in target.parent.iterdir()) == ["secret", "target"]
    assert (target.parent / "secret").read_text() == "secret"
    assert (target.parent / "secret").stat().st_nlink == 1


def test_a_file_replaces_a_link_and_is_not_written_through_it(target: Path) -> None:
    secret = target.parent / "secret"
    secret.write_text("secret")

    apply(target, symlink("f", "../secret"), hardlink("g", "f"), file("f", b"1"), file("g", b"2"))

    assert secret.read_text() == "secret"
    assert (target / "f").read_bytes() == b"1"


def test_a_file_replaces_a_device_and_is_not_written_to_it(target: Path) -> None:
    apply(target, character_device("full", 1, 7), fifo("p"), file("full", b"1"), file("p", b"2"))

    assert (target / "full").is_file()
    assert (target / "p").read_bytes() == b"2"


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([block_device("sda", 8, 0), file("sda/evil", b"1")], id="device"),
        pytest.param([file("f", b"1"), file("f/evil", b"1")], id="file"),
        pytest.param([fifo("p"), directory("p/evil")], id="fifo"),
        pytest.param([directory("d"), hardlink("h", "d")], id="hard-link-to-directory"),
        pytest.param(
            [directory("d/e"), symlink("way", "d"), hardlink("h", "way/e")],
            id="hard-link-to-directory-by-link",
        ),
        pytest.param([hardlink("h", ".")], id="hard-link-to-root"),
        pytest.param([file("./", b"1")], id="root-as-file"),
        pytest.param([symlink("s", "")], id="link-to-nothing"),
        pytest.param([whiteout("w"), hardlink("h", "w")], id="hard-link-to-removed"),
    ],
)
def test_what_makes_no_sense_is_refused(target: Path, items: list[Item]) -> None:
    with pytest.raises(InvalidLayer):
        apply(target, *items)


def test_a_name_too_long_for_the_filesystem_is_refused(target: Path) -> None:
    with pytest.raises(LimitExceeded):
        apply(target, file("x" * 300, b"1"))


def test_a_child_never_imports_what_a_layer_brings(target: Path) -> None:
    trap = b"open('/trapped', 'w')\n"
    places = ["encodings/ascii.py", "usr/lib/python3.11/traceback.py", "traceback.py"]

    with pytest.raises(EngineError):
        apply(target, *[file(place, trap) for place in places], file("../evil"))

    assert not (target / "trapped").exists()


# --- bombs


def bomb(unpacked: int) -> bytes:
    return packed(layer_tar(file("zeros", bytes(unpacked))), Compression.GZIP)


def apply_packed(content: bytes, target: Path, limits: Limits) -> AppliedLayer:
    stream = open_layer(io.BytesIO(content), Compression.GZIP)
    return apply_layer(
        stream,
        target=target,
        notes=target.parent.parent,
        expected=DiffID(Digest.of(b"")),
        limits=limits,
    )


def test_a_bomb_is_refused_by_its_ratio(target: Path) -> None:
    limits = Limits(ratio=100, ratio_exempt_bytes=1 << 20)

    with pytest.raises(LimitExceeded, match="ratio"):
        apply_packed(bomb(20 << 20), target, limits)


def test_a_bomb_is_refused_by_its_size(target: Path) -> None:
    with pytest.raises(LimitExceeded, match="unpacked"):
        apply_packed(bomb(20 << 20), target, Limits(unpacked_bytes=10 << 20))


def test_a_bomb_is_refused_by_its_count(target: Path) -> None:
    tar = layer_tar(*[file(f"f{number}") for number in range(50)])

    with pytest.raises(LimitExceeded, match="entries"):
        apply_tar(tar, target, Limits(entries=40))


def test_an_honest_file_of_zeros_is_fine(target: Path) -> None:
    tar = layer_tar(file("zeros", bytes(30 << 20)))
    stream = open_layer(io.BytesIO(packed(tar, Compression.GZIP)), Compression.GZIP)

    apply_layer(stream, target=target, notes=target.parent.parent, expected=DiffID(Digest.of(tar)))

    assert (target / "zeros").stat().st_size == 30 << 20
