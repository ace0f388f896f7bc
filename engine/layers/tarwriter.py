"""
Writing tars: the headers of entries (POSIX pax), equal ones for equal entries.

What fits a ustar header stands there; what does not, and it alone, stands in an extended header
before it, so that every reader of layers takes the result. Names are bytes. No names of users or
groups are written, since numbers are what counts in a layer.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from engine.layers.entries import NANOSECONDS, Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.layers.entries import Segment

BLOCK = 512
END = bytes(2 * BLOCK)
# name mode uid gid size mtime checksum type link magic user group major minor prefix
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_MAGIC = b"ustar\x0000"
_FLAGS = {
    Kind.FILE: b"0",
    Kind.HARD_LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_NAME, _PREFIX, _LINK = 100, 155, 100
_LARGEST_ID = 8**7 - 1
_LARGEST_SIZE = 8**11 - 1
_EXTENSION_NAME = b"././@PaxHeader"
_XATTR = b"SCHILY.xattr."
_SPARSE_NAME = b"GNUSparseFile.0/file"
_DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})


def render_tar(items: Iterable[tuple[Entry, Iterable[bytes]]]) -> Iterator[bytes]:
    """
    Yield the tar of *items*: each entry with the pieces of its content.

    The pieces of a file must have its size in all, those of a sparse one the size of its segments;
    `ValueError` is raised where they do not.
    """
    for entry, content in items:
        yield render_header(entry)
        yield from _body(entry, content)
    yield END


def render_header(entry: Entry) -> bytes:
    """Return what stands before the content of *entry*, extended header included."""
    name = _stored_name(entry)
    records = dict(_records(entry, name))
    extension = _extension(records) if records else b""
    return extension + _header(entry, name)


def padding(size: int) -> bytes:
    """Return the zeros after content of *size* bytes."""
    return bytes(-size % BLOCK)


def _body(entry: Entry, content: Iterable[bytes]) -> Iterator[bytes]:
    if entry.kind is not Kind.FILE:
        return
    if entry.segments is not None:
        yield sparse_map(entry.segments)
    written, expected = 0, stored_size(entry)
    for piece in content:
        written += len(piece)
        yield piece
    if written != expected:
        raise ValueError(f"the content has {written} bytes, and not {expected}")
    if pad := padding(written):
        yield pad


def stored_size(entry: Entry) -> int:
    """Return how many bytes of content stand in the tar."""
    if entry.segments is None:
        return entry.size
    return sum(segment.length for segment in entry.segments)


def _size_field(entry: Entry) -> int:
    head = sparse_map(entry.segments) if entry.segments is not None else b""
    return len(head) + stored_size(entry)


def sparse_map(segments: Sequence[Segment]) -> bytes:
    """Return what stands before the content of a sparse file (GNU's form 1.0)."""
    numbers = [len(segments), *(number for segment in segments for number in segment)]
    lines = b"".join(b"%d\n" % number for number in numbers)
    return lines + padding(len(lines))


def _stored_name(entry: Entry) -> bytes:
    if entry.segments is not None:
        return _SPARSE_NAME
    is_directory = entry.kind is Kind.DIRECTORY and not entry.name.endswith(b"/")
    return entry.name + b"/" if is_directory else entry.name


def _records(entry: Entry, name: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield what does not fit a ustar header, in the order of their keys."""
    if entry.segments is not None:
        yield b"GNU.sparse.major", b"1"
        yield b"GNU.sparse.minor", b"0"
        yield b"GNU.sparse.name", entry.name
        yield b"GNU.sparse.realsize", b"%d" % entry.size
    for key, value in sorted(entry.xattrs):
        yield _XATTR + key, value
    if not 0 <= entry.gid <= _LARGEST_ID:
        yield b"gid", b"%d" % entry.gid
    if len(entry.link) > _LINK or not entry.link.isascii():
        yield b"linkpath", entry.link
    if entry.mtime_ns % NANOSECONDS or not 0 <= entry.mtime_ns // NANOSECONDS <= _LARGEST_SIZE:
        yield b"mtime", _seconds(entry.mtime_ns)
    if _split(name) is None:
        yield b"path", name
    if entry.kind is Kind.FILE and (size := _size_field(entry)) > _LARGEST_SIZE:
        yield b"size", b"%d" % size
    if not 0 <= entry.uid <= _LARGEST_ID:
        yield b"uid", b"%d" % entry.uid


def _seconds(nanoseconds: int) -> bytes:
    sign = b"-" if nanoseconds < 0 else b""
    whole, rest = divmod(abs(nanoseconds), NANOSECONDS)
    fraction = b".%09d" % rest if rest else b""
    return sign + b"%d" % whole + fraction.rstrip(b"0")


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Return prefix and name as ustar keeps them, or None if it cannot."""
    if not name.isascii():
        return None
    if len(name) <= _NAME:
        return b"", name
    # The slash that is left out must not be the last byte, or the name would be empty.
    at = name.rfind(b"/", 0, min(_PREFIX + 1, len(name) - 1))
    if at <= 0 or len(name) - at - 1 > _NAME:
        return None
    return name[:at], name[at + 1 :]


def _header(entry: Entry, name: bytes) -> bytes:
    prefix, short = _split(name) or (b"", name[:_NAME])
    major, minor = entry.device if entry.kind in _DEVICES else (0, 0)
    size = _size_field(entry) if entry.kind is Kind.FILE else 0
    seconds = entry.mtime_ns // NANOSECONDS
    fields = [
        short,
        _octal(entry.mode & 0o7777, 8),
        _octal(entry.uid if 0 <= entry.uid <= _LARGEST_ID else 0, 8),
        _octal(entry.gid if 0 <= entry.gid <= _LARGEST_ID else 0, 8),
        _octal(size if size <= _LARGEST_SIZE else 0, 12),
        _octal(seconds if 0 <= seconds <= _LARGEST_SIZE else 0, 12),
        b" " * 8,
        _FLAGS[entry.kind],
        entry.link[:_LINK],
        _MAGIC,
        b"",
        b"",
        _octal(major, 8),
        _octal(minor, 8),
        prefix,
    ]
    return _with_checksum(_HEADER.pack(*fields))


def _extension(records: dict[bytes, bytes]) -> bytes:
    content = b"".join(_record(key, value) for key, value in records.items())
    fields = [_EXTENSION_NAME, _octal(0o644, 8), _octal(0, 8), _octal(0, 8)]
    fields += [_octal(len(content), 12), _octal(0, 12), b" " * 8, b"x", b"", _MAGIC, b"", b""]
    header = _HEADER.pack(*fields, _octal(0, 8), _octal(0, 8), b"")
    return _with_checksum(header) + content + padding(len(content))


def _record(key: bytes, value: bytes) -> bytes:
    """Return `length key=value`, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) > len(str(rest)):
        length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)


def _with_checksum(header: bytes) -> bytes:
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]
