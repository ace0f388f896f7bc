"""
Trees of files: walked, measured and removed, and files copied, without ever following a link.

The trees come from images and containers, so they may be deeper than any path is allowed to be
long, and may change while they are looked at. Every step is taken relative to an open directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from engine.errors import from_oserror
from engine.system.resolving import open_on_mount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

T = TypeVar("T")
AnyPath = bytes | str | os.PathLike[str]
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BLOCK = 512
_OVERLAY_XATTRS = ("trusted.overlay.", "user.overlay.")
_COPY_BYTES = 1 << 30


class Usage(NamedTuple):
    """What a tree occupies: allocated *bytes* as du(1) counts them, and *inodes*."""

    bytes: int
    inodes: int


class Found(NamedTuple):
    """One thing in a tree; *path* is relative to where the walk began."""

    path: bytes
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def allocated(self) -> int:
        """Bytes on disk."""
        return self.status.st_blocks * BLOCK


class _Level(NamedTuple):
    identity: tuple[int, int]
    path: bytes
    directories: list[bytes]


def walk(root: AnyPath, *, on_mount: bool = False) -> Iterator[Found]:
    """
    Yield everything below *root*, each directory before what is in it, the root itself not.

    What vanishes meanwhile is passed over. One directory is open at a time, however deep it goes.
    With *on_mount*, nothing is entered that is mounted somewhere below.
    """
    opened = _opened_on_mount if on_mount else _opened
    descriptor = os.open(root, DIRECTORY_FLAGS)
    levels: list[_Level] = []
    try:
        path = b""
        while True:
            level = _Level(_identity(descriptor), path, [])
            for found in _listed(descriptor, path):
                if found.is_directory:
                    level.directories.append(found.path.rpartition(b"/")[2])
                yield found
            levels.append(level)
            descriptor, path = _advance(descriptor, levels, opened)
            if not levels:
                return
    finally:
        os.close(descriptor)


def _opened(name: bytes, parent: int) -> int:
    return os.open(name, DIRECTORY_FLAGS, dir_fd=parent)


def _opened_on_mount(name: bytes, parent: int) -> int:
    try:
        return open_on_mount(parent, name, DIRECTORY_FLAGS)
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.ELOOP}:
            raise FileNotFoundError(error.errno, os.fsdecode(name)) from error
        raise


def _advance(
    descriptor: int, levels: list[_Level], opened: Callable[[bytes, int], int]
) -> tuple[int, bytes]:
    """Move to the next directory that was not visited; no *levels* are left when there is none."""
    while levels:
        level = levels[-1]
        while level.directories:
            name = level.directories.pop()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                below = opened(name, descriptor)
                os.close(descriptor)
                return below, _joined(level.path, name)
        levels.pop()
        if levels:
            above = os.open("..", DIRECTORY_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = above
            if _identity(above) != levels[-1].identity:
                # A directory was moved while it was walked: what lies above is no longer ours.
                levels.clear()
    return descriptor, b""


def _listed(descriptor: int, path: bytes) -> Iterator[Found]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                yield Found(_joined(path, os.fsencode(entry.name)), status)


def measure(root: AnyPath, *, on_mount: bool = False) -> Usage:
    """
    Return what *root* and all below it occupy; a file with several names counts once.

    With *on_mount*, what is in file systems that are mounted below is not counted.
    """
    status = os.lstat(root)
    total, inodes = status.st_blocks * BLOCK, 1
    seen: set[int] = set()
    for found in walk(root, on_mount=on_mount):
        if found.status.st_nlink > 1 and not found.is_directory:
            if found.status.st_ino in seen:
                continue
            seen.add(found.status.st_ino)
        total += found.allocated
        inodes += 1
    return Usage(total, inodes)


def copy_metadata(source: int, target: int) -> None:
    """
    Give the open file *target* owner, mode, extended attributes and times of *source*.

    What overlayfs notes in attributes of its own is about *source* only and stays there.
    """
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if name.startswith(_OVERLAY_XATTRS):
            continue
        os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def take_after(directory: AnyPath, model: AnyPath) -> None:
    """Give *directory* the owner, mode, extended attributes and times of the directory *model*."""
    source = os.open(model, DIRECTORY_FLAGS)
    try:
        target = os.open(directory, DIRECTORY_FLAGS)
        try:
            copy_metadata(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def copy_content(source: int, target: int) -> None:
    """Copy the bytes of the open file *source*; holes stay holes, blocks are shared if possible."""
    os.ftruncate(target, os.fstat(source).st_size)
    for start, length in iter_data(source):
        at, end = start, start + length
        while at < end:
            copied = os.copy_file_range(source, target, min(end - at, _COPY_BYTES), at, at)
            if copied == 0:
                return
            at += copied


def iter_data(descriptor: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each stretch of the open file that is no hole."""
    size = os.fstat(descriptor).st_size
    at = 0
    while (start := _seek(descriptor, at, os.SEEK_DATA)) is not None and start < size:
        end = _seek(descriptor, start, os.SEEK_HOLE)
        at = min(size, end if end is not None else size)
        yield start, at - start


def _seek(descriptor: int, at: int, whence: int) -> int | None:
    try:
        return os.lseek(descriptor, at, whence)
    except OSError:  # ENXIO: nothing but a hole from here on
        return None


def nameless(content: bytes) -> BinaryIO:
    """Return *content* as an open file that has no name and takes no disk."""
    stream = os.fdopen(os.memfd_create("nameless"), "w+b", buffering=0)
    stream.write(content)
    stream.seek(0)
    return stream


def sync_filesystem(path: AnyPath) -> None:
    """Wait until all that was written to the filesystem of *path* survives a power cut."""
    descriptor = os.open(path, DIRECTORY_FLAGS)
    try:
        if _libc().syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise from_oserror(OSError(number, "syncfs"), f"write out {os.fsdecode(path)}")
    finally:
        os.close(descriptor)


def make_directory(path: Path, *, mode: int) -> None:
    """Make the directory *path* with exactly *mode*, whatever the umask is."""
    try:
        path.mkdir()
        path.chmod(mode)
    except OSError as error:
        raise from_oserror(error, f"make the directory {path}") from error


def ensure_directory(path: Path, *, mode: int) -> None:
    """As `make_directory`, of one that may be there already and then stays as it is."""
    if not path.is_dir():
        make_directory(path, mode=mode)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _joined(path: bytes, name: bytes) -> bytes:
    return path + b"/" + name if path else name
