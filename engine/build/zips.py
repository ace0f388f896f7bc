"""
Zips as build contexts: the same files as a tar, of which everything else of a build reads.

Nothing is unpacked on the way. What a zip says of itself is bounded before it is believed: how long
its list of files is, which packings it uses, and, by whoever reads the tar, how much comes out.
"""

from __future__ import annotations

import calendar
import io
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from engine.errors import InvalidLayer, LimitExceeded
from engine.layers.entries import NANOSECONDS, Entry, Kind, normalise
from engine.layers.tarwriter import render_tar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
MAX_LIST = 32 << 20
PIECE = 1 << 20
MAX_LINK = 4096
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _END_64_BYTES, _COMMENT = 22, 20, 1 << 16
_ENCRYPTED = 0x1
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ROOT = (Entry(b"./", Kind.DIRECTORY, 0o755), ())
_REMEDY = "Pack the files as a tar instead."


def is_zip(stream: BinaryIO) -> bool:
    """Whether *stream*, which is read from its beginning again afterwards, begins as a zip does."""
    head = stream.read(4)
    stream.seek(0)
    return head in MAGIC


def iter_tar_of_zip(stream: BinaryIO) -> Iterator[bytes]:
    """
    Yield the tar of the files in the zip *stream*, which can be sought in.

    Raises `InvalidLayer` for damage, for passwords and for packings that nobody uses for this,
    `UnsafePath` for names that climb, and `LimitExceeded`.
    """
    _check_list(stream)
    try:
        with zipfile.ZipFile(stream) as archive:
            yield from render_tar(_items(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise InvalidLayer(f"the zip is damaged: {error}") from error


def _check_list(stream: BinaryIO) -> None:
    """Refuse a zip whose list of files would take more memory than a context is worth."""
    end = stream.seek(0, io.SEEK_END)
    begin = stream.seek(max(0, end - _END_BYTES - _COMMENT - _END_64_BYTES))
    tail = stream.read(end - begin)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise InvalidLayer("the zip is damaged: it has no end")
    # The long form may announce any length, and who needs it has more files than fit below.
    is_long = _END_64 in tail[max(0, at - _END_64_BYTES) : at]
    if is_long or int.from_bytes(tail[at + 12 : at + 16], "little") > MAX_LIST:
        raise LimitExceeded(
            "the list of files of the zip", limit=MAX_LIST, field="context", remedy=_REMEDY
        )
    stream.seek(0)


def _items(archive: zipfile.ZipFile) -> Iterator[tuple[Entry, Iterator[bytes] | tuple[()]]]:
    # First the root: so the tar never begins with a name that looks like a packing.
    yield _ROOT
    for info in archive.infolist():
        name = normalise(info.filename.rstrip("/").encode())
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _PACKINGS:
            reason = "it needs a password, or is packed in a way that is not supported"
            raise InvalidLayer(reason, entry=info.filename)
        if name:
            yield _item(archive, info, name)


def _item(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: bytes
) -> tuple[Entry, Iterator[bytes] | tuple[()]]:
    mode = info.external_attr >> 16
    entry = Entry(name, Kind.FILE, stat.S_IMODE(mode) or 0o644, mtime_ns=_moment(info))
    if info.is_dir():
        return entry._replace(kind=Kind.DIRECTORY, mode=stat.S_IMODE(mode) or 0o755), ()
    if stat.S_ISLNK(mode):
        if info.file_size > MAX_LINK:
            raise InvalidLayer("a link is longer than any path", entry=info.filename)
        return entry._replace(kind=Kind.SYMLINK, mode=0o777, link=archive.read(info)), ()
    return entry._replace(size=info.file_size), _pieces(archive, info)


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as stream:
        while piece := stream.read(PIECE):
            yield piece


def _moment(info: zipfile.ZipInfo) -> int:
    try:
        return calendar.timegm((*info.date_time, 0, 0, 0)) * NANOSECONDS
    except ValueError:
        return 0
