"""Zips as contexts: the same files come out as of a tar, and nothing dangerous does."""

import io
import stat
import tarfile
import zipfile

import pytest

from engine.build.unpacking import Pieces
from engine.build.zips import is_zip, iter_tar_of_zip
from engine.errors import InvalidLayer, LimitExceeded, UnsafePath


def zip_of(*files, packing=zipfile.ZIP_DEFLATED, comment=b""):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, content, mode in files:
            info = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10))
            info.external_attr = mode << 16
            info.compress_type = packing
            archive.writestr(info, content)
        archive.comment = comment
    stream.seek(0)
    return stream


def tar_of(stream):
    return tarfile.open(fileobj=io.BytesIO(Pieces(iter_tar_of_zip(stream)).read()))


def test_files_come_out_with_modes_links_and_moments():
    stream = zip_of(
        ("BZh", "first", stat.S_IFREG | 0o640),
        ("d/", "", stat.S_IFDIR | 0o750),
        ("d/run", "#!", stat.S_IFREG | 0o755),
        ("link", "d/run", stat.S_IFLNK | 0o777),
    )
    assert is_zip(stream)
    with tar_of(stream) as tar:
        told = {each.name: (each.type, each.mode, each.linkname) for each in tar.getmembers()}

        assert told == {
            ".": (tarfile.DIRTYPE, 0o755, ""),
            "BZh": (tarfile.REGTYPE, 0o640, ""),
            "d": (tarfile.DIRTYPE, 0o750, ""),
            "d/run": (tarfile.REGTYPE, 0o755, ""),
            "link": (tarfile.SYMTYPE, 0o777, "d/run"),
        }
        assert tar.extractfile("BZh").read() == b"first"
        assert tar.getmember("d/run").mtime == 1714979290


def test_a_tar_is_no_zip():
    stream = io.BytesIO(b"ustar")

    assert not is_zip(stream)
    assert stream.tell() == 0


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/passwd"])
def test_names_that_climb_are_refused(name):
    with pytest.raises(UnsafePath):
        tar_of(zip_of((name, "x", 0)))


def cut(content):
    return content[:-30]


def bent(content):
    return content.replace(b"hello", b"jello", 1)


def locked(content):
    return content.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


@pytest.mark.parametrize("harm", [cut, bent, locked, lambda _: b"PK\x03\x04"])
def test_damage_is_told(harm):
    content = zip_of(("a", "hello", 0), packing=zipfile.ZIP_STORED).getvalue()
    assert harm(content) != content

    with pytest.raises(InvalidLayer):
        tar_of(io.BytesIO(harm(content)))


def test_a_packing_that_takes_memory_is_refused():
    with pytest.raises(InvalidLayer, match="not supported"):
        tar_of(zip_of(("a", "x", 0), packing=zipfile.ZIP_LZMA))


def test_a_link_without_end_is_refused():
    with pytest.raises(InvalidLayer, match="longer than any path"):
        tar_of(zip_of(("a", "x" * 5000, stat.S_IFLNK | 0o777)))


@pytest.mark.parametrize("is_long", [True, False])
def test_a_list_that_would_fill_the_memory_is_not_read(is_long):
    content = bytearray(zip_of(("a", "x", 0)).getvalue())
    if is_long:
        content[-22:-22] = b"PK\x06\x07" + bytes(16)
    else:
        content[-10:-6] = (1 << 30).to_bytes(4, "little")

    with pytest.raises(LimitExceeded):
        tar_of(io.BytesIO(bytes(content)))
