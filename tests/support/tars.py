"""Tars written byte by byte, for what Python's tarfile does not write: damage, lies, old forms."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 512
_SPARSE_IN_HEADER, _SPARSE_IN_BLOCK = 4, 21


def header(
    name: bytes,
    *,
    kind: bytes = b"0",
    content: bytes = b"",
    size: int | None = None,
    mode: bytes = b"0000644\0",
    uid: int = 0,
    major: int = 0,
    link: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """Return one entry as it is told, with a right checksum; *tail* stands at offset 345."""
    fields = struct.pack(
        "100s8s8s8s12s12s8sc100s8s32s32s8s8s167s",
        name,
        mode,
        _base256(uid, 8),
        b"0000000\0",
        _number(len(content) if size is None else size),
        b"00000000000\0",
        b" " * 8,
        kind,
        link,
        b"ustar  \0" if kind == b"S" else b"ustar\x0000",
        b"",
        b"",
        _base256(major, 8),
        b"0000000\0",
        tail,
    )
    checksum = b"%06o\0 " % sum(fields)
    return fields[:148] + checksum + fields[156:] + padded(content)


def pax_record(key: str, value: str) -> bytes:
    """Return one record of an extended header."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while len(str(length).encode()) + len(rest) != length:
        length = len(str(length).encode()) + len(rest)
    return str(length).encode() + rest


def gnu_sparse_tar(
    version: str, name: str, size: int, segments: Sequence[tuple[int, int]], body: bytes
) -> bytes:
    """Return a sparse file in GNU's form *version*: old, 0.0, 0.1 or 1.0."""
    if version == "old":
        return _old_sparse(name, size, segments, body)
    numbers = [number for segment in segments for number in segment]
    common = pax_record("GNU.sparse.name", name)
    if version == "0.0":
        keys = ["GNU.sparse.offset", "GNU.sparse.numbytes"] * len(segments)
        records = pax_record("GNU.sparse.size", str(size)) + b"".join(
            pax_record(key, str(number)) for key, number in zip(keys, numbers, strict=True)
        )
    elif version == "0.1":
        records = pax_record("GNU.sparse.size", str(size))
        records += pax_record("GNU.sparse.map", ",".join(map(str, numbers)))
    else:
        records = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0")
        records += pax_record("GNU.sparse.realsize", str(size))
        lines = "".join(f"{number}\n" for number in (len(segments), *numbers)).encode()
        body = padded(lines) + body
    return header(b"x", kind=b"x", content=common + records) + header(b"stored", content=body)


def padded(content: bytes) -> bytes:
    """Return *content* filled up to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def _old_sparse(name: str, size: int, segments: Sequence[tuple[int, int]], body: bytes) -> bytes:
    packed = [_number(offset) + _number(length) for offset, length in segments]
    more = packed[_SPARSE_IN_HEADER:]
    tail = bytes(386 - 345) + b"".join(packed[:_SPARSE_IN_HEADER]).ljust(96, b"\0")
    tail += bytes([bool(more)]) + _number(size)
    entry = header(name.encode(), kind=b"S", size=len(body), tail=tail)
    while more:
        block, more = more[:_SPARSE_IN_BLOCK], more[_SPARSE_IN_BLOCK:]
        entry += (b"".join(block).ljust(504, b"\0") + bytes([bool(more)])).ljust(BLOCK, b"\0")
    return entry + padded(body)


def _number(value: int) -> bytes:
    return b"%011o\0" % value if value >= 0 else _base256(value, 12)


def _base256(value: int, length: int) -> bytes:
    if 0 <= value < 8 ** (length - 1):
        return b"%0*o\0" % (length - 1, value)
    encoded = value.to_bytes(length, "big", signed=True)
    return bytes([encoded[0] | 0x80]) + encoded[1:]
