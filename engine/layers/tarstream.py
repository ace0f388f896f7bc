"""
A tar, read once from front to back (POSIX pax, ustar, GNU and v7 forms).

Python's tarfile is made for archives that can be seeked in, and spends five times as long on each
entry. This reader never looks back, holds one buffer, and trusts no number: what is too long, too
many or out of range ends it with a typed error. What it accepts follows Go's archive/tar, which the
other engines use: global pax headers carry nothing for the entries, links and devices have no body.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.errors import InvalidLayer
from engine.layers import pax
from engine.layers.entries import (
    HIGHEST_ID,
    NANOSECONDS,
    Entry,
    Kind,
    Segment,
    clamp_time,
    printable,
)
from engine.layers.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 512
CHUNK = 1 << 20
_ZEROS = bytes(BLOCK)
# name mode uid gid size mtime checksum type link magic+version user group major minor prefix
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_CHECKSUM = slice(148, 156)
HIGHEST_MAJOR, HIGHEST_MINOR = 0xFFF, 0xFFFFF
_CHECKSUM_AS_SPACES = 8 * 0x20
_ADLER_PRIME = 65521
_POSIX_MAGIC = b"ustar\x0000"
_GNU_SPARSE_HEADER = slice(386, 482)
_GNU_SPARSE_MORE = 482
_GNU_REAL_SIZE = slice(483, 495)
_GNU_EXTENSION_MORE = 504
_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}


class TarReader:
    """
    Iterates over the entries of a tar; a body can be read until the next entry is asked for.

    *read* returns up to so many bytes, and none at the end. Whatever follows the end mark is left
    unread. *tap* is given every byte that does not leave through `iter_body` or `whole_body`.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        limits: Limits = DEFAULT_LIMITS,
        *,
        tap: Callable[[bytes], None] | None = None,
    ) -> None:
        self._read = read
        self._limits = limits
        self._tap = tap
        self._buffer = memoryview(b"")
        self._at = 0
        self._left = 0
        self._padding = 0
        self.entries = 0

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self.next_entry()) is not None:
            yield entry

    def next_entry(self) -> Entry | None:
        """Return the next entry, or None at the end; what is left of the last body is skipped."""
        self._skip(self._left)
        self._left = 0
        if self._padding and not self._skip_padding():
            return None
        records = pax.Records()
        while (header := self._header()) is not None:
            kind = header[156:157]
            if kind in {b"x", b"X"}:
                records.read(self._extension(header))
            elif kind == b"L":
                records.path = self._extension(header).split(b"\0", 1)[0]
            elif kind == b"K":
                records.link = self._extension(header).split(b"\0", 1)[0]
            elif kind == b"g":
                self._extension(header)
            else:
                return self._entry(header, records)
        if records.is_empty:
            return None
        raise InvalidLayer("it ends after an extended header")

    def whole_body(self) -> memoryview | None:
        """Return what is left of the body if it is at hand in one piece, as most bodies are."""
        end = self._at + self._left
        if end > len(self._buffer):
            return None
        piece = self._buffer[self._at : end]
        self._at = end
        self._left = 0
        return piece

    def drain(self) -> None:
        """Read what follows the end mark, to the end of the stream."""
        while self._has_more():
            rest = bytes(self._buffer[self._at :])
            self._at = len(self._buffer)
            if self._tap is not None:
                self._tap(rest)

    def iter_body(self, length: int | None = None) -> Iterator[memoryview]:
        """Yield the next *length* bytes of the body (without: all that is left) in pieces."""
        wanted = self._left if length is None else min(length, self._left)
        while wanted > 0:
            if self._at == len(self._buffer):
                self._fill()
            piece = self._buffer[self._at : self._at + wanted]
            self._at += len(piece)
            self._left -= len(piece)
            wanted -= len(piece)
            yield piece

    def _entry(self, header: bytes, records: pax.Records) -> Entry:
        self.entries += 1
        self._limits.check("the number of entries in the layer", self.entries, self._limits.entries)
        fields = _HEADER.unpack(header)
        name = records.path or _name(fields)
        kind = self._kind(fields[7], name)
        size = records.size if records.size is not None else _number(fields[4])
        segments = None
        if kind is Kind.FILE:
            size, segments = self._begin_body(header, size, records)
        return Entry(
            name=self._checked_name(records.sparse_name or name),
            kind=kind,
            mode=_number(fields[1]) & 0o7777,
            uid=_owner(records.uid if records.uid is not None else _number(fields[2])),
            gid=_owner(records.gid if records.gid is not None else _number(fields[3])),
            size=size,
            mtime_ns=clamp_time(
                records.mtime_ns if records.mtime_ns is not None else _seconds(fields[5])
            ),
            link=self._checked_name(records.link or _text(fields[8])),
            device=_device(fields) if kind in _DEVICES else (0, 0),
            xattrs=tuple(records.xattrs.items()) if records.xattrs else (),
            segments=segments,
        )

    def _kind(self, flag: bytes, name: bytes) -> Kind:
        kind = _KINDS.get(flag)
        if kind is None:
            raise InvalidLayer(f"unknown kind of entry {flag!r}", entry=printable(name))
        if kind is Kind.FILE and flag == b"\0" and name.endswith(b"/"):
            return Kind.DIRECTORY
        return kind

    def _checked_name(self, name: bytes) -> bytes:
        if len(name) > self._limits.path_bytes:
            self._limits.check("a path in the layer", len(name), self._limits.path_bytes)
        return name

    def _begin_body(
        self, header: bytes, stored: int, records: pax.Records
    ) -> tuple[int, tuple[Segment, ...] | None]:
        """Note how many bytes follow; return the file's size and segments."""
        if stored < 0:
            raise InvalidLayer("a size is negative")
        self._limits.check("a file in the layer", stored, self._limits.file_bytes)
        self._left, self._padding = stored, -stored % BLOCK
        if header[156:157] == b"S":
            size = _number(header[_GNU_REAL_SIZE])
            segments = self._gnu_segments(header)
        elif records.is_sparse:
            size = records.sparse_size
            segments = self._pax_segments(records)
        else:
            return stored, None
        self._limits.check("a file in the layer", size, self._limits.file_bytes)
        return size, _checked_segments(segments, size, self._left)

    def _gnu_segments(self, header: bytes) -> list[Segment]:
        segments = _packed_segments(header[_GNU_SPARSE_HEADER])
        more = header[_GNU_SPARSE_MORE]
        while more:
            # The extension blocks stand between the header and the body and are not in its size.
            block = self._take(BLOCK)
            segments += _packed_segments(block[:_GNU_EXTENSION_MORE])
            more = block[_GNU_EXTENSION_MORE]
            self._check_segments(segments)
        return segments

    def _pax_segments(self, records: pax.Records) -> list[Segment]:
        if not records.has_map_in_body:
            return pax.pairs(records.sparse_numbers)
        numbers: list[int] = []
        rest = b""
        while not numbers or len(numbers) < 1 + 2 * numbers[0]:
            if self._left < BLOCK:
                raise InvalidLayer("a sparse map is cut short")
            self._left -= BLOCK
            *lines, rest = (rest + self._take(BLOCK)).split(b"\n")
            numbers += [pax.decimal(line) for line in lines if line]
            self._limits.check("a sparse map", 16 * len(numbers), self._limits.extension_bytes)
        return pax.pairs(numbers[1 : 1 + 2 * numbers[0]])

    def _check_segments(self, segments: list[Segment]) -> None:
        self._limits.check("a sparse map", 16 * len(segments), self._limits.extension_bytes)

    def _extension(self, header: bytes) -> bytes:
        size = _number(_HEADER.unpack(header)[4])
        if size < 0:
            raise InvalidLayer("a size is negative")
        self._limits.check("an extended header", size, self._limits.extension_bytes)
        content = self._take(size)
        self._skip(-size % BLOCK)
        return content

    def _header(self) -> bytes | None:
        """Return the next header block, or None at the end of the archive."""
        if len(self._buffer) - self._at < BLOCK and not self._has_more():
            return None
        header = self._take(BLOCK)
        if header == _ZEROS:
            return None
        _check_sum(header)
        return header

    def _has_more(self) -> bool:
        if self._at < len(self._buffer):
            return True
        self._buffer, self._at = memoryview(self._read(CHUNK)), 0
        return len(self._buffer) > 0

    def _take(self, length: int) -> bytes:
        taken = self._taken(length)
        if self._tap is not None:
            self._tap(taken)
        return taken

    def _taken(self, length: int) -> bytes:
        end = self._at + length
        if end <= len(self._buffer):
            taken = bytes(self._buffer[self._at : end])
            self._at = end
            return taken
        pieces = []
        while length > 0:
            if self._at == len(self._buffer):
                self._fill()
            piece = bytes(self._buffer[self._at : self._at + length])
            self._at += len(piece)
            length -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _skip(self, length: int) -> None:
        if self._tap is not None:
            while length > 0:
                length -= len(self._take(min(length, CHUNK)))
            return
        while length > len(self._buffer) - self._at:
            length -= len(self._buffer) - self._at
            self._fill()
        self._at += length

    def _skip_padding(self) -> bool:
        """Pass over what fills the block after a body; False if the tar ends there, as some do."""
        while self._padding:
            if not self._has_more():
                return False
            length = min(self._padding, len(self._buffer) - self._at)
            self._take(length)
            self._padding -= length
        return True

    def _fill(self) -> None:
        self._buffer, self._at = memoryview(self._read(CHUNK)), 0
        if not self._buffer:
            raise InvalidLayer("the tar is cut short")


_DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})


def _name(fields: tuple[bytes, ...]) -> bytes:
    name = _text(fields[0])
    if fields[9] == _POSIX_MAGIC and fields[14][0]:
        return _text(fields[14]) + b"/" + name
    return name


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


@lru_cache(maxsize=4096)  # modes, owners and times are mostly those of the entry before
def _number(field: bytes) -> int:
    """Return the number in *field*: octal digits, or base 256 where the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True)
        # The marker bit of a positive number is no part of it.
        return value if field[0] & 0x40 else value + (1 << (8 * len(field) - 1))
    digits = _text(field).strip(b" ")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise InvalidLayer("a header holds a number that is none") from None


def _seconds(field: bytes) -> int:
    return _number(field) * NANOSECONDS


def _owner(number: int) -> int:
    if 0 <= number <= HIGHEST_ID:
        return number
    raise InvalidLayer("a header names an owner that cannot exist")


def _device(fields: tuple[bytes, ...]) -> tuple[int, int]:
    major, minor = _number(fields[12]), _number(fields[13])
    if 0 <= major <= HIGHEST_MAJOR and 0 <= minor <= HIGHEST_MINOR:
        return major, minor
    raise InvalidLayer("a header names a device that cannot exist")


def _check_sum(header: bytes) -> None:
    wanted = _number(header[_CHECKSUM])
    # The lower half of an Adler sum is one more than the sum of the bytes, modulo a prime.
    total = wanted + sum(header[_CHECKSUM]) - _CHECKSUM_AS_SPACES
    if zlib.adler32(header) & 0xFFFF == (total + 1) % _ADLER_PRIME:
        return
    # Zeros add nothing, and most of a header is zeros: without them the sum is five times faster.
    actual = sum(header.replace(b"\0", b"")) - sum(header[_CHECKSUM]) + _CHECKSUM_AS_SPACES
    if actual == wanted:
        return
    # Some old programs summed signed bytes.
    high = sum(byte >= 0x80 for byte in header) - sum(byte >= 0x80 for byte in header[_CHECKSUM])
    if actual - 256 * high != wanted:
        raise InvalidLayer("a header is damaged, or this is no tar")


def _packed_segments(field: bytes) -> list[Segment]:
    starts = range(0, len(field) - 23, 24)
    pairs = [(field[at : at + 12], field[at + 12 : at + 24]) for at in starts]
    return [
        Segment(_number(a), _number(b)) for a, b in pairs if a.strip(b"\0 ") and b.strip(b"\0 ")
    ]


def _checked_segments(segments: list[Segment], size: int, stored: int) -> tuple[Segment, ...]:
    end = 0
    for segment in segments:
        if segment.offset < end or segment.length < 0:
            raise InvalidLayer("a sparse map is out of order")
        end = segment.offset + segment.length
    if end > size or sum(segment.length for segment in segments) != stored:
        raise InvalidLayer("a sparse map does not fit its file")
    return tuple(segments)
