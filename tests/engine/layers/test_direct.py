"""Layers that are written directly are those that applying their tar gives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from engine.layers.apply import apply_layer
from engine.layers.compression import open_layer
from engine.layers.direct import is_plain, write_layer
from engine.layers.entries import Entry, Kind
from engine.layers.index import find_index
from engine.layers.recipe import iter_tar
from engine.layers.tarwriter import render_tar
from engine.oci.media_types import Compression
from tests.support.applying import notes_in
from tests.support.random_trees import described

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

SECOND = 1_000_000_000
ITEMS = [
    (Entry(b"d", Kind.DIRECTORY, mode=0o1750, uid=3, gid=4, mtime_ns=7 * SECOND), ()),
    (
        Entry(b"d/f", Kind.FILE, mode=0o4755, uid=5, gid=6, size=6, mtime_ns=SECOND),
        (b"abc", b"def"),
    ),
    (Entry(b"d/empty", Kind.FILE, mode=0o600, mtime_ns=1), ()),
    (Entry(b"d/again", Kind.HARD_LINK, link=b"d/f", mode=0o4755, uid=5, gid=6), ()),
    (Entry(b"d/link", Kind.SYMLINK, link=b"/etc", mode=0o777, uid=8, gid=9, mtime_ns=SECOND), ()),
    (
        Entry(b"implied/by/x", Kind.FILE, mode=0o644, size=700, xattrs=((b"user.a", b"1"),)),
        (b"x" * 700,),
    ),
    (Entry(b"\xff odd\n", Kind.FILE, mode=0o644, size=1), (b"y",)),
]


def test_it_is_what_applying_gives(tmp_path: Path) -> None:
    tar = b"".join(render_tar(ITEMS))
    places = []
    for name in ("applied", "written"):
        places.append(tmp_path / name)
        (places[-1] / "fs").mkdir(parents=True)
    applied = apply_layer(
        open_layer(io.BytesIO(tar), Compression.NONE),
        target=places[0] / "fs",
        notes=places[0],
        with_recipe=True,
    )

    assert is_plain([entry for entry, _ in ITEMS])
    written = write_layer(ITEMS, target=places[1] / "fs", notes=places[1])

    assert written == applied
    assert described(places[1] / "fs") == described(places[0] / "fs")
    assert b"".join(iter_tar(notes_in(places[1]), places[1] / "fs")) == tar
    found = [list(find_index(notes_in(place), "it") or ()) for place in places]
    assert found[0] == found[1] != []


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(b"l", Kind.SYMLINK, link=b"/etc"), Entry(b"l/passwd", Kind.FILE)],
        [Entry(b"l/passwd", Kind.FILE), Entry(b"l", Kind.SYMLINK, link=b"/etc")],
        [Entry(b"a", Kind.FILE), Entry(b"a/b/c", Kind.FILE)],
        [Entry(b"a", Kind.FILE), Entry(b"a", Kind.FILE)],
        [Entry(b"../a", Kind.FILE)],
        [Entry(b"/a", Kind.FILE)],
        [Entry(b"a//b", Kind.FILE)],
        [Entry(b"", Kind.DIRECTORY)],
        [Entry(b".wh.a", Kind.FILE)],
        [Entry(b"d/.wh..wh..opq", Kind.FILE)],
        [Entry(b"c", Kind.CHARACTER_DEVICE)],
        [Entry(b"h", Kind.HARD_LINK, link=b"elsewhere")],
        [Entry(b"d", Kind.DIRECTORY), Entry(b"h", Kind.HARD_LINK, link=b"d")],
        [Entry(b"s", Kind.FILE, segments=())],
    ],
)
def test_what_has_to_be_applied_is_not_plain(entries: list[Entry]) -> None:
    assert not is_plain(entries)


def test_content_that_is_too_short_is_no_layer(tmp_path: Path) -> None:
    (tmp_path / "fs").mkdir()
    item = (Entry(b"f", Kind.FILE, mode=0o644, size=5), (b"abc",))

    with pytest.raises(ValueError, match="3 bytes"):
        write_layer([item], target=tmp_path / "fs", notes=tmp_path)
