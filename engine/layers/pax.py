"""The records of a pax extended header (POSIX.1-2001 pax, "Extended Header"; GNU sparse forms)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InvalidLayer
from engine.layers.entries import NANOSECONDS, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_XATTR = b"SCHILY.xattr."
_FRACTION_DIGITS = 9
_LONGEST_NUMBER = 30


class Records:
    """What the extended headers before an entry say about it; what they do not say is empty."""

    def __init__(self) -> None:
        self.path = b""
        self.link = b""
        self.size: int | None = None
        self.uid: int | None = None
        self.gid: int | None = None
        self.mtime_ns: int | None = None
        self.xattrs: dict[bytes, bytes] = {}
        self.sparse_name = b""
        self.sparse_size = 0
        self.sparse_numbers: list[int] = []
        self.is_sparse = False
        self.has_map_in_body = False
        self.is_empty = True

    def read(self, content: bytes) -> None:
        """Take over the records in *content*; a later record of the same key wins."""
        self.is_empty = False
        for key, value in iter_records(content):
            if key.startswith(_XATTR) and b"\0" not in key:
                self.xattrs[key[len(_XATTR) :]] = value
            elif (take := _TAKERS.get(key)) is not None:
                take(self, value)


def iter_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of each record: decimal length, space, key, =, value, newline."""
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + _LONGEST_NUMBER)
        end = at + decimal(content[at:space]) if space > 0 else 0
        equals = content.find(b"=", space, end)
        if not (space < equals < end <= len(content)) or content[end - 1] != 0x0A:
            raise InvalidLayer("an extended header is damaged")
        yield content[space + 1 : equals], content[equals + 1 : end - 1]
        at = end


def decimal(text: bytes) -> int:
    """Return the number that *text* spells in decimal digits."""
    if not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise InvalidLayer("an extended header holds a number that is none")
    return int(text)


def pairs(numbers: Sequence[int]) -> list[Segment]:
    """Return the segments whose offsets and lengths alternate in *numbers*."""
    if len(numbers) % 2:
        raise InvalidLayer("a sparse map is cut short")
    return [Segment(*each) for each in zip(numbers[::2], numbers[1::2], strict=True)]


def time_ns(text: bytes) -> int:
    """Return the nanoseconds that *text* spells as seconds with or without a fraction."""
    whole, _, fraction = text.removeprefix(b"-").partition(b".")
    digits = fraction[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, b"0")
    value = decimal(whole or b"0") * NANOSECONDS + decimal(digits)
    return -value if text.startswith(b"-") else value


def _take_path(records: Records, value: bytes) -> None:
    records.path = value


def _take_link(records: Records, value: bytes) -> None:
    records.link = value


def _take_size(records: Records, value: bytes) -> None:
    records.size = decimal(value)


def _take_uid(records: Records, value: bytes) -> None:
    records.uid = decimal(value)


def _take_gid(records: Records, value: bytes) -> None:
    records.gid = decimal(value)


def _take_mtime(records: Records, value: bytes) -> None:
    records.mtime_ns = time_ns(value)


def _take_sparse_name(records: Records, value: bytes) -> None:
    records.sparse_name = value


def _take_sparse_size(records: Records, value: bytes) -> None:
    records.is_sparse = True
    records.sparse_size = decimal(value)


def _take_sparse_major(records: Records, value: bytes) -> None:
    records.has_map_in_body = value == b"1"
    records.is_sparse = records.is_sparse or records.has_map_in_body


def _take_sparse_map(records: Records, value: bytes) -> None:
    records.sparse_numbers = [decimal(each) for each in value.split(b",")] if value else []


def _take_sparse_number(records: Records, value: bytes) -> None:
    records.sparse_numbers.append(decimal(value))


_TAKERS: dict[bytes, Callable[[Records, bytes], None]] = {
    b"path": _take_path,
    b"linkpath": _take_link,
    b"size": _take_size,
    b"uid": _take_uid,
    b"gid": _take_gid,
    b"mtime": _take_mtime,
    b"GNU.sparse.name": _take_sparse_name,
    b"GNU.sparse.size": _take_sparse_size,
    b"GNU.sparse.realsize": _take_sparse_size,
    b"GNU.sparse.major": _take_sparse_major,
    b"GNU.sparse.map": _take_sparse_map,
    b"GNU.sparse.offset": _take_sparse_number,
    b"GNU.sparse.numbytes": _take_sparse_number,
}
