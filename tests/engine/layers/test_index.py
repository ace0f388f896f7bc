"""What the index of a layer tells, without a look at its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import CorruptStore
from engine.layers import index_writer
from engine.layers.entries import Entry, Kind
from engine.layers.index import INDEX, FileKind, LayerFile, LayerIndex, find_index
from engine.layers.index_writer import IndexWriter
from engine.oci.digest import Digest
from tests.support.applying import notes_in

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = Digest.of(b"content")


def written(place: Path, *names: bytes, drop: tuple[bytes, ...] = ()) -> LayerIndex:
    with (place / INDEX).open("wb") as stream:
        writer = IndexWriter(lambda piece: stream.write(piece) and None)
        for name in names:
            writer.add(name, Entry(name, Kind.FILE, size=7), bytes.fromhex(CONTENT.hex))
        for name in drop:
            writer.drop(name)
        writer.finish()
    return LayerIndex(notes_in(place), "it")


def paths(index: LayerIndex) -> list[bytes]:
    return [each.path for each in index]


def test_a_directory_stands_right_before_what_is_in_it(tmp_path: Path) -> None:
    index = written(tmp_path, b"a!", b"a/b", b"a", b"", b"a.c", b"a/b/c")

    assert paths(index) == [b"", b"a", b"a/b", b"a/b/c", b"a!", b"a.c"]


def test_all_facts_are_kept(tmp_path: Path) -> None:
    entry = Entry(b"x", Kind.SYMLINK, mode=0o777, uid=2**32 - 2, gid=5)
    with (tmp_path / INDEX).open("wb") as stream:
        writer = IndexWriter(lambda piece: stream.write(piece) and None)
        writer.add(b"x", entry, link=b"\xff")
        writer.white_out(b"gone")
        writer.make_opaque(b"d")
        writer.finish()

    assert list(LayerIndex(notes_in(tmp_path), "it")) == [
        LayerFile(b"d", FileKind.OPAQUE),
        LayerFile(b"gone", FileKind.WHITEOUT),
        LayerFile(b"x", FileKind.SYMLINK, 0, 0o777, 2**32 - 2, 5, None, b"\xff"),
    ]


def test_what_was_replaced_is_not_told(tmp_path: Path) -> None:
    index = written(tmp_path, b"d", b"d/e", b"d/e/f", b"dd", drop=(b"d/e",))

    assert paths(index) == [b"d", b"dd"]
    assert index.find(b"d/e/f") is None
    assert index.find(b"dd") is not None


@pytest.mark.parametrize("run", [1, 3, 1 << 15])
@given(names=st.lists(st.binary(max_size=6).map(lambda name: name.strip(b"/")), max_size=40))
def test_it_does_not_matter_how_much_the_writer_holds(
    tmp_path_factory: pytest.TempPathFactory, run: int, names: list[bytes]
) -> None:
    place = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_writer, "_RUN_ENTRIES", run)
        patch.setattr(index_writer, "BLOCK_BYTES", 200)
        index = written(place, *names)

    assert paths(index) == sorted(set(names), key=lambda name: name.replace(b"/", b"\0"))
    for name in set(names):
        found = index.find(name)
        assert found is not None
        assert found.path == name
    assert index.find(b"no such name") is None
    assert {each.path for each in index.find_content(CONTENT)} == set(names)
    assert list(index.find_content(Digest.of(b"other"))) == []


def test_a_layer_without_an_index_has_none(tmp_path: Path) -> None:
    assert find_index(notes_in(tmp_path), "it") is None


@pytest.mark.parametrize("kept", [0, 10, -1])
def test_a_damaged_index_is_told(tmp_path: Path, kept: int) -> None:
    written(tmp_path, b"a", b"b")
    content = (tmp_path / INDEX).read_bytes()
    (tmp_path / INDEX).write_bytes(content[:kept])

    with pytest.raises(CorruptStore):
        LayerIndex(notes_in(tmp_path), "it")
