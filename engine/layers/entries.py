"""The entries of a tar, as values, and the names that they may have."""

from __future__ import annotations

import enum
from typing import NamedTuple

from engine.errors import InvalidLayer, UnsafePath

NANOSECONDS = 1_000_000_000
# What ext4 can store; other filesystems clamp further by themselves.
EARLIEST_NS = -(2**31) * NANOSECONDS
LATEST_NS = 15_032_385_535 * NANOSECONDS
HIGHEST_ID = 2**32 - 2


class Kind(enum.Enum):
    """What an entry makes."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symbolic link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    DIRECTORY = "directory"
    FIFO = "fifo"


class Segment(NamedTuple):
    """A stretch of a sparse file that holds data."""

    offset: int
    length: int


class Entry(NamedTuple):
    """
    One entry, as the tar spells it: the name is not normalised and not yet trusted.

    *size* is the size of the file once written. A sparse file lists its *segments*, and its body
    holds their bytes one after the other; otherwise the body has *size* bytes.
    """

    name: bytes
    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    link: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    segments: tuple[Segment, ...] | None = None


def normalise(name: bytes) -> bytes:
    """
    Return *name* with single slashes, no dots and no slash at its ends; `b""` is the root itself.

    A name that is absolute or holds `..` raises `UnsafePath`. A lone `/` is the root: some builders
    write it so.
    """
    if _is_plain(name):
        return name
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        raise UnsafePath(printable(name), "it climbs with ..")
    if parts and name.startswith(b"/"):
        raise UnsafePath(printable(name), "it is absolute")
    if b"\0" in name:
        raise InvalidLayer("a name holds a zero byte", entry=printable(name))
    return b"/".join(parts)


def printable(name: bytes) -> str:
    """Return *name* for a message; bytes that are no UTF-8 are shown as escapes."""
    return name.decode("utf-8", "backslashreplace")


def clamp_time(nanoseconds: int) -> int:
    """Return the nearest time that a filesystem can store."""
    return min(max(nanoseconds, EARLIEST_NS), LATEST_NS)


def _is_plain(name: bytes) -> bool:
    # Decides for nearly every name of a real layer, so it comes first and is cheap.
    return not (
        b"./" in name
        or b"//" in name
        or b"\0" in name
        or name.startswith(b"/")
        or name.endswith((b"/", b"/.", b"/.."))
        or name in {b"", b".", b".."}
    )
