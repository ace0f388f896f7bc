"""
Tars as trees of files, written below a directory inside a root that others may change meanwhile.

The parent of each entry is opened anew with the root as its root, and the entry is made in that
open directory under a name without slashes: so no entry and no link leads outside the root.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import CannotOverwrite, EngineError, UnsafePath, from_oserror
from engine.layers.entries import Entry, Kind, normalise, printable
from engine.system.removal import remove_tree
from engine.system.resolving import open_in_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.layers.tarstream import TarReader

IMPLIED_MODE = 0o755
_NO_RIGHTS = 0o1777
_DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Untar:
    """Writes the entries of a tar below the directory *base* of the open *root*."""

    def __init__(
        self,
        root: int,
        base: bytes,
        *,
        owner: tuple[int, int] | None,
        keeps_kinds: bool,
        gives_rights: bool = True,
        check: Callable[[int], None] = lambda _: None,
    ) -> None:
        """
        Everything belongs to *owner*, or to whom the tar says where that is None.

        With *keeps_kinds* a directory is not replaced by anything else, nor anything else by one.
        Where the tar *gives_rights*, it makes devices, set user IDs and capabilities; else devices
        are left out, and files come without such. *check* may refuse to write in an open directory.
        """
        self._root = root
        self._base = base
        self._owner = owner
        self._keeps_kinds = keeps_kinds
        self._gives_rights = gives_rights
        self._check = check
        self._times: list[tuple[bytes, int]] = []

    def write_all(self, reader: TarReader) -> None:
        """Write every entry; what was written before an error stays."""
        for entry in reader:
            name = _inside(entry.name)
            with _named(entry.name):
                self._write(name, entry, reader)
        for name, mtime in reversed(self._times):
            with suppress(OSError):
                self._set_times(name, mtime)

    def _write(self, name: bytes, entry: Entry, reader: TarReader) -> None:
        if not name:
            # The directory itself is there already, and stays as it is.
            return
        if entry.kind in _DEVICES and not self._gives_rights:
            return
        parent, _, base = name.rpartition(b"/")
        with self._parent(parent) as directory:
            self._check(directory)
            if self._clear(directory, base, name, entry):
                self._make(directory, base, entry, reader)
            self._describe(directory, base, entry)
        if entry.kind is Kind.DIRECTORY:
            self._times.append((name, entry.mtime_ns))

    @contextmanager
    def _parent(self, parent: bytes) -> Iterator[int]:
        descriptor = self._open_parent(parent)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_parent(self, parent: bytes) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY
        with suppress(FileNotFoundError):
            return open_in_root(self._root, self._path(parent), flags)
        # From the top down and not by recursion: a name may have two thousand parts.
        descriptor = open_in_root(self._root, self._base, flags)
        made = b""
        for base in parent.split(b"/") if parent else ():
            made = made + b"/" + base if made else base
            try:
                self._make_implied(descriptor, base)
            finally:
                os.close(descriptor)
            descriptor = open_in_root(self._root, self._path(made), flags)
        return descriptor

    def _make_implied(self, directory: int, base: bytes) -> None:
        try:
            os.stat(base, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            self._check(directory)
            with suppress(FileExistsError):
                os.mkdir(base, IMPLIED_MODE, dir_fd=directory)

    def _path(self, name: bytes) -> bytes:
        return self._base + b"/" + name if name else self._base

    def _clear(self, directory: int, base: bytes, name: bytes, entry: Entry) -> bool:
        """Make room for *entry*; return False where a directory is there that can stay."""
        try:
            status = os.stat(base, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return True
        was_directory = stat.S_ISDIR(status.st_mode)
        if was_directory and entry.kind is Kind.DIRECTORY:
            return False
        if self._keeps_kinds and was_directory is not (entry.kind is Kind.DIRECTORY):
            raise CannotOverwrite("/" + printable(name), is_directory=was_directory)
        if was_directory:
            remove_tree(b"/proc/self/fd/%d/%b" % (directory, base))
        else:
            os.unlink(base, dir_fd=directory)
        return True

    def _make(self, directory: int, base: bytes, entry: Entry, reader: TarReader) -> None:
        match entry.kind:
            case Kind.FILE:
                _write_file(directory, base, entry, reader)
            case Kind.DIRECTORY:
                os.mkdir(base, 0o700, dir_fd=directory)
            case Kind.SYMLINK:
                os.symlink(entry.link, base, dir_fd=directory)
            case Kind.HARD_LINK:
                self._link(directory, base, entry)
            case _:
                os.mknod(base, _device_mode(entry), os.makedev(*entry.device), dir_fd=directory)

    def _link(self, directory: int, base: bytes, entry: Entry) -> None:
        parent, _, target = _inside(entry.link).rpartition(b"/")
        with self._parent(parent) as source:
            os.link(target, base, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)

    def _describe(self, directory: int, base: bytes, entry: Entry) -> None:
        if entry.kind is Kind.HARD_LINK:
            return
        owner = self._owner or (entry.uid, entry.gid)
        os.chown(base, *owner, dir_fd=directory, follow_symlinks=False)
        if entry.kind is Kind.SYMLINK:
            _touch(directory, base, entry.mtime_ns)
            return
        descriptor = open_in_root(directory, base, os.O_PATH | os.O_NOFOLLOW)
        try:
            # After the owner, whose change takes such bits away.
            allowed = entry.mode if self._gives_rights else entry.mode & _NO_RIGHTS
            os.chmod(f"/proc/self/fd/{descriptor}", allowed)
            for key, value in entry.xattrs if self._gives_rights else ():
                with suppress(OSError):
                    os.setxattr(f"/proc/self/fd/{descriptor}", key, value)
        finally:
            os.close(descriptor)
        _touch(directory, base, entry.mtime_ns)

    def _set_times(self, name: bytes, mtime: int) -> None:
        parent, _, base = name.rpartition(b"/")
        with self._parent(parent) as directory:
            _touch(directory, base, mtime)


def _touch(directory: int, base: bytes, mtime: int) -> None:
    os.utime(base, ns=(mtime, mtime), dir_fd=directory, follow_symlinks=False)


def _write_file(directory: int, base: bytes, entry: Entry, reader: TarReader) -> None:
    descriptor = os.open(base, _NEW, 0o600, dir_fd=directory)
    try:
        if entry.segments is None:
            for piece in reader.iter_body():
                _write_piece(descriptor, piece)
            return
        os.ftruncate(descriptor, entry.size)
        for segment in entry.segments:
            os.lseek(descriptor, segment.offset, os.SEEK_SET)
            for piece in reader.iter_body(segment.length):
                _write_piece(descriptor, piece)
    finally:
        os.close(descriptor)


def _write_piece(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _device_mode(entry: Entry) -> int:
    kinds = {
        Kind.FIFO: stat.S_IFIFO,
        Kind.CHARACTER_DEVICE: stat.S_IFCHR,
        Kind.BLOCK_DEVICE: stat.S_IFBLK,
    }
    return kinds[entry.kind] | 0o600


def _inside(name: bytes) -> bytes:
    """Return *name* relative to the directory that the tar is written to."""
    return normalise(name.lstrip(b"/"))


@contextmanager
def _named(name: bytes) -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.ELOOP}:
            raise UnsafePath(printable(name), "a link on the way leads nowhere") from error
        raise from_oserror(error, f"write {printable(name)[:200]} in the container") from error
