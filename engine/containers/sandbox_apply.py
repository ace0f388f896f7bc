"""
Bringing what a program changed in a sandbox to the directory itself, file by file.

Each file is written aside and renamed, so that at every moment there is the old one or the new one.
Nothing in either tree is followed if it is a link. Before anything is done all is looked at: what
changed in the directory since the program began is a conflict, and then nothing is done.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import SandboxConflict, Unsupported, from_oserror
from engine.layers.diff import Change, ChangeKind
from engine.system.files import DIRECTORY_FLAGS, copy_metadata, walk
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PIECE = 1 << 20
CAPABILITY = "security.capability"
_BROUGHT = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO})
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Applier:
    """Brings changes from *upper* to *directory*, which was as the program saw it at *began_ns*."""

    def __init__(self, upper: Path, directory: Path, *, began_ns: int) -> None:
        self._upper = upper
        self._directory = directory
        self._began = began_ns

    def apply(self, changes: Sequence[Change]) -> None:
        """
        Apply *changes*, directories before what is in them.

        Raises `SandboxConflict`, or `Unsupported` for a device or socket: then nothing is done.
        """
        with ExitStack() as opened:
            upper = _opened(opened, self._upper)
            target = _opened(opened, self._directory)
            for change in changes:
                self._check(upper, change)
            conflicts = [each.path for each in changes if self._conflicts(target, each)]
            if conflicts:
                raise SandboxConflict(conflicts)
            for change in changes:
                try:
                    self._apply(upper, target, change)
                except OSError as error:
                    raise from_oserror(error, f"apply {change.path}") from error

    def _check(self, upper: int, change: Change) -> None:
        *parents, name = _parts(change.path)
        with ExitStack() as opened:
            place = _entered(opened, upper, parents)
            status = None if place is None else _status(place, name)
        if change.kind is ChangeKind.DELETED or status is None:
            return
        if stat.S_IFMT(status.st_mode) not in _BROUGHT:
            raise Unsupported(f"{change.path} is a device or a socket, which is not brought out")

    def _conflicts(self, target: int, change: Change) -> bool:
        *parents, name = _parts(change.path)
        with ExitStack() as opened:
            place = _entered(opened, target, parents)
            if place is None:
                # Its directory is added by these changes too, or was taken away by somebody.
                return change.kind is ChangeKind.CHANGED
            status = _status(place, name)
            if status is None:
                return change.kind is ChangeKind.CHANGED
            is_directory = stat.S_ISDIR(status.st_mode)
            if is_directory and change.is_directory:
                return False
            if change.kind is ChangeKind.ADDED or status.st_ctime_ns > self._began:
                return True
            return is_directory and self._has_newer(place, name)

    def _has_newer(self, place: int, name: bytes) -> bool:
        tree = b"/proc/self/fd/%d/%b" % (place, name)
        return any(each.status.st_ctime_ns > self._began for each in walk(tree))

    def _apply(self, upper: int, target: int, change: Change) -> None:
        *parents, name = _parts(change.path)
        with ExitStack() as opened:
            place = _entered(opened, target, parents)
            if place is None:
                raise SandboxConflict([change.path])
            if change.kind is ChangeKind.DELETED:
                _remove(place, name)
                return
            source = _entered(opened, upper, parents)
            if source is None:
                raise SandboxConflict([change.path])
            _bring(source, place, name, change)


def _bring(source: int, place: int, name: bytes, change: Change) -> None:
    status = os.stat(name, dir_fd=source, follow_symlinks=False)
    before = _status(place, name)
    if stat.S_ISDIR(status.st_mode):
        if before is not None and not stat.S_ISDIR(before.st_mode):
            os.unlink(name, dir_fd=place)
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=place)
        _take_after(source, place, name)
        return
    if before is not None and stat.S_ISDIR(before.st_mode):
        _remove(place, name)
    with _aside(place) as aside:
        if stat.S_ISREG(status.st_mode):
            _copy(source, name, place, aside)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), aside, dir_fd=place)
            os.chown(aside, status.st_uid, status.st_gid, dir_fd=place, follow_symlinks=False)
        elif stat.S_ISFIFO(status.st_mode):
            os.mkfifo(aside, stat.S_IMODE(status.st_mode), dir_fd=place)
        else:
            raise Unsupported(f"{change.path} is a device or a socket, which is not brought out")
        os.rename(aside, name, src_dir_fd=place, dst_dir_fd=place)


def _copy(source: int, name: bytes, place: int, aside: bytes) -> None:
    reader = os.open(name, _READ, dir_fd=source)
    try:
        writer = os.open(aside, _NEW, 0o600, dir_fd=place)
        try:
            while piece := os.read(reader, PIECE):
                _write(writer, piece)
            copy_metadata(reader, writer)
            # A program that was not trusted with the directory gives nobody its rights.
            os.fchmod(writer, stat.S_IMODE(os.fstat(reader).st_mode) & 0o1777)
            with suppress(OSError):
                os.removexattr(writer, CAPABILITY)
            os.fsync(writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _write(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _take_after(source: int, place: int, name: bytes) -> None:
    model = os.open(name, DIRECTORY_FLAGS, dir_fd=source)
    try:
        made = os.open(name, DIRECTORY_FLAGS, dir_fd=place)
        try:
            copy_metadata(model, made)
        finally:
            os.close(made)
    finally:
        os.close(model)


@contextmanager
def _aside(place: int) -> Iterator[bytes]:
    name = b".sandbox-" + secrets.token_hex(8).encode()
    try:
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place)


def _remove(place: int, name: bytes) -> None:
    with suppress(FileNotFoundError):
        remove_tree(b"/proc/self/fd/%d/%b" % (place, name))


def _opened(opened: ExitStack, path: Path) -> int:
    descriptor = os.open(path, DIRECTORY_FLAGS)
    opened.callback(os.close, descriptor)
    return descriptor


def _entered(opened: ExitStack, place: int, parts: Sequence[bytes]) -> int | None:
    for part in parts:
        try:
            place = os.open(part, DIRECTORY_FLAGS, dir_fd=place)
        except OSError:
            return None
        opened.callback(os.close, place)
    return place


def _status(place: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _parts(path: str) -> list[bytes]:
    return [part for part in os.fsencode(path).split(b"/") if part]
