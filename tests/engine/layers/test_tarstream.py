from __future__ import annotations

import contextlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidLayer, LimitExceeded
from engine.layers.entries import EARLIEST_NS, LATEST_NS, Entry, Kind, Segment
from engine.layers.limits import Limits
from engine.layers.tarstream import BLOCK, TarReader
from tests.support.builders import (
    NOON,
    Item,
    character_device,
    directory,
    fifo,
    file,
    hardlink,
    layer_tar,
    symlink,
    with_xattrs,
)
from tests.support.tars import gnu_sparse_tar, header, pax_record

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000


def drip(tar: bytes, step: int) -> TarReader:
    """Return a reader that gets *step* bytes at a time."""
    stream = io.BytesIO(tar)
    return TarReader(lambda size: stream.read(min(size, step)))


def read(tar: bytes, limits: Limits | None = None) -> list[tuple[Entry, bytes]]:
    stream = io.BytesIO(tar)
    reader = TarReader(stream.read, limits or Limits())
    return [(entry, b"".join(map(bytes, reader.iter_body()))) for entry in reader]


def only(tar: bytes) -> Entry:
    ((entry, _),) = read(tar)
    return entry


def test_every_kind_of_entry_is_read() -> None:
    tar = layer_tar(
        directory("d", mode=0o2755),
        file("f", b"text", mode=0o4711, uid=1000, gid=1001),
        hardlink("h", "f"),
        symlink("s", "../f"),
        character_device("c", 5, 1),
        fifo("p"),
    )

    entries = {entry.name: entry for entry, _ in read(tar)}

    assert [entry.kind for entry in entries.values()] == [
        Kind.DIRECTORY,
        Kind.FILE,
        Kind.HARD_LINK,
        Kind.SYMLINK,
        Kind.CHARACTER_DEVICE,
        Kind.FIFO,
    ]
    assert entries[b"f"] == Entry(
        b"f", Kind.FILE, 0o4711, 1000, 1001, 4, NOON * SECOND, b"", (0, 0), (), None
    )
    assert entries[b"d/"].mode == 0o2755
    assert entries[b"s"].link == b"../f"
    assert entries[b"c"].device == (5, 1)


@pytest.mark.parametrize("step", [1, 7, 511, 512, 513, 4096])
def test_it_does_not_matter_in_what_pieces_the_bytes_come(step: int) -> None:
    tar = layer_tar(file("a", b"x" * 1500), directory("b"), file("c" * 200, b"y"))
    reader = drip(tar, step)

    seen = [(entry.name, b"".join(map(bytes, reader.iter_body()))) for entry in reader]

    assert seen == [(b"a", b"x" * 1500), (b"b/", b""), (b"c" * 200, b"y")]


def test_a_body_that_nobody_reads_is_passed_over() -> None:
    reader = drip(layer_tar(file("a", b"x" * 5000), file("b", b"y")), 700)

    assert [entry.name for entry in reader] == [b"a", b"b"]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_links_are_whole(form: int) -> None:
    long = "/".join(["directory"] * 40)
    tar = layer_tar(file(long, b"1"), symlink("s", long), form=form)

    file_entry, link_entry = (entry for entry, _ in read(tar))

    assert file_entry.name == long.encode()
    assert link_entry.link == long.encode()


def test_a_ustar_prefix_is_part_of_the_name() -> None:
    name = "p" * 120 + "/" + "n" * 90

    assert only(layer_tar(file(name), form=tarfile.USTAR_FORMAT)).name == name.encode()


def test_names_may_hold_any_byte_but_zero() -> None:
    name = bytes(range(1, 256)).replace(b"/", b"").decode("utf-8", "surrogateescape")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(file(name).info)

    assert only(out.getvalue()).name == name.encode("utf-8", "surrogateescape")


def test_extended_attributes_are_read() -> None:
    entry = only(layer_tar(with_xattrs(file("f"), security__capability="cap", user__x="y")))

    assert dict(entry.xattrs) == {b"security.capability": b"cap", b"user.x": b"y"}


@pytest.mark.parametrize(
    ("mtime", "expected"),
    [
        pytest.param(1.5, 1_500_000_000, id="fraction"),
        pytest.param(-1.5, -1_500_000_000, id="negative"),
        pytest.param(-(10**15), EARLIEST_NS, id="long-ago"),
        pytest.param(10**15, LATEST_NS, id="far-ahead"),
        pytest.param(0, 0, id="epoch"),
    ],
)
def test_times_are_kept_or_clamped(mtime: float, expected: int) -> None:
    assert only(layer_tar(file("f", mtime=mtime))).mtime_ns == expected


def test_numbers_in_base_256_are_read() -> None:
    entry = only(layer_tar(file("f", uid=2**30, mtime=-5), form=tarfile.GNU_FORMAT))

    assert (entry.uid, entry.mtime_ns) == (2**30, -5 * SECOND)


def test_an_old_directory_is_a_name_with_a_slash() -> None:
    assert only(header(b"old/", kind=b"\0")).kind is Kind.DIRECTORY


def test_links_and_directories_have_no_body_whatever_they_say() -> None:
    tar = header(b"d/", kind=b"5", size=700) + header(b"f", kind=b"0")

    assert [entry.name for entry, _ in read(tar)] == [b"d/", b"f"]


def test_global_headers_say_nothing_about_entries() -> None:
    tar = header(b"g", kind=b"g", content=pax_record("path", "other")) + header(b"f")

    assert only(tar).name == b"f"


def test_the_last_of_two_records_counts() -> None:
    content = pax_record("path", "one") + pax_record("path", "two")

    assert only(header(b"x", kind=b"x", content=content) + header(b"f")).name == b"two"


def test_a_pax_size_overrides_the_header() -> None:
    tar = header(b"x", kind=b"x", content=pax_record("size", "3"))
    tar += header(b"f", content=b"abc", size=0) + header(b"next")

    assert [(entry.name, body) for entry, body in read(tar)] == [(b"f", b"abc"), (b"next", b"")]


def test_an_empty_stream_and_a_tar_without_end_mark_are_complete() -> None:
    assert read(b"") == []
    assert only(header(b"f")).name == b"f"


@pytest.mark.parametrize("missing", [1, 100, 507], ids=str)
def test_a_tar_may_end_without_filling_its_last_block(missing: int) -> None:
    # umoci writes such ones where it inserts files, and reads them, as all of Go does.
    tar = layer_tar(file("a", b"12345"))[:1024]

    (entry,) = TarReader(io.BytesIO(tar[: len(tar) - missing]).read)

    assert entry.size == 5


def test_what_follows_the_end_is_left_unread() -> None:
    assert only(header(b"f") + bytes(2 * BLOCK) + b"anything").name == b"f"


# --- sparse files


@pytest.mark.parametrize("version", ["old", "0.0", "0.1", "1.0"])
def test_sparse_files_of_every_form_are_read(version: str) -> None:
    segments = [Segment(0, 3), Segment(4096, 600), Segment(10_000, 0)]
    tar = gnu_sparse_tar(version, "sparse", 10_000, segments, b"abc" + b"d" * 600)

    ((entry, body), (after, _)) = read(tar + header(b"after"))

    assert entry.name == b"sparse"
    assert entry.size == 10_000
    assert entry.segments == tuple(segments)
    assert body == b"abc" + b"d" * 600
    assert after.name == b"after"


def test_an_old_sparse_map_may_go_on_in_further_blocks() -> None:
    segments = [Segment(number * 1000, 1) for number in range(60)]
    tar = gnu_sparse_tar("old", "sparse", 60_000, segments, b"x" * 60)

    assert only(tar).segments == tuple(segments)


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([Segment(10, 5), Segment(0, 5)], id="backwards"),
        pytest.param([Segment(0, 5), Segment(3, 5)], id="overlapping"),
        pytest.param([Segment(95, 10)], id="past-the-end"),
        pytest.param([Segment(0, 11)], id="more-than-stored"),
        pytest.param([Segment(0, 9)], id="less-than-stored"),
    ],
)
def test_a_sparse_map_that_lies_is_refused(segments: list[Segment]) -> None:
    with pytest.raises(InvalidLayer):
        read(gnu_sparse_tar("0.1", "sparse", 100, segments, b"x" * 10))


# --- damage


@pytest.mark.parametrize(
    "tar",
    [
        pytest.param(b"this is no tar at all", id="short-text"),
        pytest.param(b"this is no tar at all" * 100, id="long-text"),
        pytest.param(header(b"f", content=b"abc")[:514], id="cut-in-body"),
        pytest.param(header(b"f")[:300], id="cut-in-header"),
        pytest.param(header(b"f", size=-1), id="negative-size"),
        pytest.param(header(b"f", size=10**6), id="size-that-lies"),
        pytest.param(header(b"f", kind=b"Z"), id="unknown-kind"),
        pytest.param(header(b"f", uid=-1), id="negative-owner"),
        pytest.param(header(b"f", uid=2**32 - 1), id="owner-that-means-nobody"),
        pytest.param(header(b"f", kind=b"3", major=1 << 13), id="device-out-of-range"),
        pytest.param(header(b"x", kind=b"x", content=b"junk"), id="junk-in-pax"),
        pytest.param(header(b"x", kind=b"x", content=b"99 a=b\n"), id="pax-length-that-lies"),
        pytest.param(header(b"x", kind=b"x", content=b"6 ab\n\n"), id="pax-without-equals"),
        pytest.param(header(b"x", kind=b"x", content=pax_record("size", "-1")), id="pax-size"),
        pytest.param(
            header(b"x", kind=b"x", content=pax_record("mtime", "noon")) + header(b"f"),
            id="pax-time",
        ),
        pytest.param(header(b"x", kind=b"x", content=pax_record("uid", "9")), id="pax-alone"),
        pytest.param(header(b"f", mode=b"8888888\0"), id="digits-that-are-not-octal"),
    ],
)
def test_damage_is_an_invalid_layer(tar: bytes) -> None:
    with pytest.raises(InvalidLayer):
        read(tar)


def test_a_wrong_checksum_is_an_invalid_layer() -> None:
    tar = bytearray(header(b"f"))
    tar[0] ^= 1

    with pytest.raises(InvalidLayer, match="damaged"):
        read(bytes(tar))


# --- limits


@pytest.mark.parametrize(
    ("items", "limits"),
    [
        pytest.param([file("a"), file("b"), file("c")], Limits(entries=2), id="entries"),
        pytest.param([file("a", b"12345")], Limits(file_bytes=4), id="file"),
        pytest.param([file("a" * 300)], Limits(path_bytes=299), id="path"),
        pytest.param([symlink("a", "b" * 300)], Limits(path_bytes=299), id="link"),
        pytest.param([file("a" * 900)], Limits(extension_bytes=800), id="extended-header"),
    ],
)
def test_too_much_is_refused(items: list[Item], limits: Limits) -> None:
    with pytest.raises(LimitExceeded):
        read(layer_tar(*items), limits)


def test_a_sparse_file_counts_with_its_full_size() -> None:
    tar = gnu_sparse_tar("1.0", "sparse", 1 << 50, [Segment(0, 3)], b"abc")

    with pytest.raises(LimitExceeded):
        read(tar)


# --- against Python's own reader

names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=150)
plain = st.builds(
    file,
    names.filter(lambda name: name.strip("/")).map(lambda name: name.rstrip("/")),
    st.binary(max_size=2000),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**31),
    gid=st.integers(0, 2**31),
    mtime=st.integers(-(2**31), 2**33),
)
links = st.builds(symlink, st.sampled_from(["s", "t" * 130]), names)
items = st.lists(st.one_of(plain, links, st.builds(directory, st.just("d"))), max_size=8)


@given(items, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]), st.integers(1, 5000))
def test_it_reads_what_pythons_tarfile_wrote(made: list[Item], form: int, step: int) -> None:
    tar = layer_tar(*made, form=form)
    reader = drip(tar, step)

    seen = [(entry, b"".join(map(bytes, reader.iter_body()))) for entry in reader]

    assert [_comparable(entry, body) for entry, body in seen] == list(_expected(tar))


@given(items, st.integers(0, 2000), st.integers(0, 255))
def test_no_damage_makes_it_fail_otherwise_than_typed(
    made: list[Item], place: int, value: int
) -> None:
    tar = bytearray(layer_tar(*made))
    tar[place % len(tar)] = value

    with contextlib.suppress(InvalidLayer, LimitExceeded):
        read(bytes(tar))


def _comparable(entry: Entry, body: bytes) -> tuple[object, ...]:
    name = entry.name.rstrip(b"/")
    return name, entry.kind, entry.mode, entry.uid, entry.mtime_ns // SECOND, entry.link, body


def _expected(tar: bytes) -> Iterator[tuple[object, ...]]:
    kinds = {
        tarfile.REGTYPE: Kind.FILE,
        tarfile.SYMTYPE: Kind.SYMLINK,
        tarfile.DIRTYPE: Kind.DIRECTORY,
    }
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            name, link = (
                each.encode("utf-8", "surrogateescape") for each in (info.name, info.linkname)
            )
            yield (
                name.rstrip(b"/"),
                kinds[info.type],
                info.mode,
                info.uid,
                int(info.mtime),
                link,
                stream.read() if stream else b"",
            )
