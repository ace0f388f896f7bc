import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.layers.entries import EARLIEST_NS, LATEST_NS, Entry, Kind, Segment
from engine.layers.tarstream import TarReader
from engine.layers.tarwriter import render_tar

NAMES = st.lists(
    st.binary(min_size=1, max_size=120).filter(
        lambda part: not set(part) & {0, 0x2F} and part not in {b".", b".."}
    ),
    min_size=1,
    max_size=4,
).map(b"/".join)
XATTRS = st.dictionaries(
    st.binary(min_size=1, max_size=20).filter(lambda key: not set(key) & {0, 0x3D}),
    st.binary(max_size=40),
    max_size=3,
).map(lambda found: tuple(sorted(found.items())))


@st.composite
def entries(draw):
    kind = draw(st.sampled_from(list(Kind)))
    is_link = kind in {Kind.HARD_LINK, Kind.SYMLINK}
    is_device = kind in {Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE}
    content = draw(st.binary(max_size=2000)) if kind is Kind.FILE else b""
    entry = Entry(
        name=draw(NAMES) + (b"/" if kind is Kind.DIRECTORY else b""),
        kind=kind,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(st.integers(0, 2**32 - 2)),
        gid=draw(st.integers(0, 2**32 - 2)),
        size=len(content),
        mtime_ns=draw(st.integers(EARLIEST_NS, LATEST_NS)),
        link=draw(NAMES) if is_link else b"",
        device=draw(st.tuples(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF)))
        if is_device
        else (0, 0),
        xattrs=draw(XATTRS),
    )
    return entry, content


def read(tar):
    reader = TarReader(io.BytesIO(tar).read)
    return [(entry, b"".join(map(bytes, reader.iter_body()))) for entry in reader]


def written(items):
    return b"".join(render_tar((entry, [content]) for entry, content in items))


@given(st.lists(entries(), max_size=5))
def test_what_is_written_is_read_again(items):
    assert read(written(items)) == items


@given(st.lists(entries(), max_size=3))
def test_equal_entries_give_equal_bytes(items):
    assert written(items) == written(items)


@pytest.mark.parametrize(
    "name",
    [b"a" * 100, b"a" * 101, b"d" * 90 + b"/" + b"e" * 99, b"d/" * 90 + b"e", b"x/" + b"y" * 100],
)
def test_others_read_long_names(name):
    with tarfile.open(fileobj=io.BytesIO(written([(Entry(name, Kind.FILE), b"")]))) as archive:
        assert archive.getnames() == [name.decode()]


def test_what_fits_needs_no_extended_header():
    tar = written([(Entry(b"d/" * 60 + b"e", Kind.FILE, size=1, mtime_ns=10**9), b"x")])

    assert len(tar) == 4 * 512


def test_content_that_is_too_short_is_a_bug_and_not_a_layer():
    with pytest.raises(ValueError, match="2 bytes, and not 3"):
        list(render_tar([(Entry(b"a", Kind.FILE, size=3), [b"xx"])]))


def test_holes_are_not_written():
    entry = Entry(b"sparse", Kind.FILE, size=1 << 30, segments=(Segment(0, 3), Segment(1 << 29, 4)))

    tar = b"".join(render_tar([(entry, [b"abc", b"defg"])]))

    reader = TarReader(io.BytesIO(tar).read)
    assert len(tar) < 1 << 13
    assert reader.next_entry() == entry
    assert b"".join(reader.iter_body()) == b"abcdefg"
