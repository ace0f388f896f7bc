"""
Trees of files as tars, read while others may change them.

Every file is opened inside the tree, never through a link, and only once it is known to be a
regular one: a device or a FIFO is an entry and is not opened. What vanishes is left out; of a file
that shrinks while it is read the rest is zeros, of one that grows the rest is left out.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.layers.entries import NANOSECONDS, Entry, Kind
from engine.layers.tarwriter import render_tar
from engine.system.resolving import open_in_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
PIECE = 256 * 1024
CAPABILITY = "security.capability"
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}
Item = tuple[Entry, "Iterable[bytes]"]


def iter_directory_tar(
    directory: int, *, name: bytes, without: frozenset[int] = frozenset()
) -> Iterator[bytes]:
    """
    Yield the tar of all that is in the open *directory*, its entries below *name*.

    With a name the directory itself is an entry too. What is on the devices *without* is left out.
    """
    return render_tar(_Tree(directory, name, without).items())


def iter_file_tar(parent: int, base: bytes, *, name: bytes) -> Iterator[bytes]:
    """Yield the tar of the one file *base* in the open directory *parent*, called *name*."""
    status = os.stat(base, dir_fd=parent, follow_symlinks=False)
    return render_tar(_item(parent, base, status, name))


class _Tree:
    """A tree of files, item by item, sorted within each directory."""

    def __init__(self, directory: int, name: bytes, without: frozenset[int] = frozenset()) -> None:
        self._directory = directory
        self._name = name
        self._prefix = name.rstrip(b"/") + b"/" if name else b""
        self._without = without
        self._seen: dict[tuple[int, int], bytes] = {}

    def items(self) -> Iterator[Item]:
        if self._name:
            yield from _item(self._directory, b".", os.fstat(self._directory), self._name)
        waiting = [b""]
        while waiting:
            for path, status in self.listed(waiting.pop()):
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(path)
                yield from self.found(path, status)

    def found(self, path: bytes, status: os.stat_result) -> Iterator[Item]:
        """Yield the items of one path."""
        shown = self._prefix + path
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            first = self._seen.setdefault((status.st_dev, status.st_ino), shown)
            if first is not shown:
                yield _entry(status, shown, Kind.HARD_LINK, link=first), ()
                return
        yield from _item(self._directory, path, status, shown)

    def listed(self, path: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
        """Yield what the directory *path* has; nothing if it is gone."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            opened = open_in_root(self._directory, path, flags)
        except OSError as error:
            if error.errno in _GONE:
                return
            raise
        try:
            if os.fstat(opened).st_dev in self._without:
                return
            for name in sorted(os.fsencode(each) for each in os.listdir(opened)):
                with suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=opened, follow_symlinks=False)
                    yield path + b"/" + name if path else name, status
        finally:
            os.close(opened)


def _item(directory: int, path: bytes, status: os.stat_result, name: bytes) -> Iterator[Item]:
    """Yield the item of *path* below *directory*; nothing if it is gone or cannot be in a tar."""
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is Kind.FILE:
        yield from _file_item(directory, path, name)
    elif kind is Kind.SYMLINK:
        with suppress(OSError):
            yield _entry(status, name, kind, link=_read_link(directory, path)), ()
    elif kind is not None:
        yield _entry(status, name, kind), ()


def _file_item(directory: int, path: bytes, name: bytes) -> Iterator[Item]:
    try:
        descriptor = open_in_root(
            directory, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        )
    except OSError as error:
        if error.errno in _GONE:
            return
        raise
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            entry = _entry(status, name, Kind.FILE, xattrs=_capability(descriptor))
            yield entry, _iter_content(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _iter_content(descriptor: int, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = os.read(descriptor, min(PIECE, left)) or bytes(min(PIECE, left))
        left -= len(piece)
        yield piece


def _read_link(directory: int, path: bytes) -> bytes:
    descriptor = open_in_root(directory, path, os.O_PATH | os.O_NOFOLLOW)
    try:
        return os.readlink(b"", dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _capability(descriptor: int) -> tuple[tuple[bytes, bytes], ...]:
    try:
        return ((CAPABILITY.encode(), os.getxattr(descriptor, CAPABILITY)),)
    except OSError:
        return ()


def _entry(
    status: os.stat_result,
    name: bytes,
    kind: Kind,
    *,
    link: bytes = b"",
    xattrs: tuple[tuple[bytes, bytes], ...] = (),
) -> Entry:
    return Entry(
        name=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind is Kind.FILE else 0,
        mtime_ns=status.st_mtime_ns // NANOSECONDS * NANOSECONDS,
        link=link,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        xattrs=xattrs,
    )
