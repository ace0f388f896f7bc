"""The files of one layer on the disk, against its index."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from engine.layers.index import FileKind
from engine.oci.digest import Digest
from engine.system.files import DIRECTORY_FLAGS, walk
from engine.system.overlayfs import is_opaque, is_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.layers.index import LayerFile
    from engine.progress import Cancellation

CHUNK = 1 << 20
MISSING = "is missing"
_FORMATS = {
    FileKind.FILE: stat.S_IFREG,
    FileKind.SYMLINK: stat.S_IFLNK,
    FileKind.CHARACTER_DEVICE: stat.S_IFCHR,
    FileKind.BLOCK_DEVICE: stat.S_IFBLK,
    FileKind.DIRECTORY: stat.S_IFDIR,
    FileKind.FIFO: stat.S_IFIFO,
}
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOATIME


class Problem(NamedTuple):
    """A path of a layer, and what is wrong with it."""

    path: str
    reason: str


def compare_tree(
    directory: Path, files: Iterable[LayerFile], *, is_own: bool, cancellation: Cancellation
) -> Iterator[Problem]:
    """
    Yield in what *directory* differs from *files*, which its layer brought.

    Where the directory *is_own* it holds nothing else, and whiteouts in overlayfs's form; otherwise
    the layers below show in it. Times and extended attributes are in no index and not looked at.
    """
    tally = _Tally()
    with _opened(directory) as root:
        for file in files:
            cancellation.check()
            reason = _difference(root, directory, file) if is_own or not file.is_mark else ""
            tally.add(file, is_there=reason != MISSING)
            if reason:
                yield Problem(_shown(file.path), reason)
    if is_own:
        yield from _extras(directory, files, tally)


class _Tally:
    """Counts what is listed and there, so that nothing but directories has to be remembered."""

    def __init__(self) -> None:
        self.count = 0
        self.directories: set[bytes] = set()

    def add(self, file: LayerFile, *, is_there: bool) -> None:
        parent = file.path.rpartition(b"/")[0]
        while parent and parent not in self.directories:
            self.directories.add(parent)
            parent = parent.rpartition(b"/")[0]
        if file.kind in {FileKind.DIRECTORY, FileKind.OPAQUE}:
            self.directories.add(file.path)
        elif is_there:
            self.count += 1


def _extras(directory: Path, files: Iterable[LayerFile], tally: _Tally) -> Iterator[Problem]:
    count = 0
    for found in walk(directory):
        if not found.is_directory:
            count += 1
        elif found.path not in tally.directories:
            yield Problem(_shown(found.path), "is not of this layer")
    if count > tally.count:
        listed = {file.path for file in files}
        for found in walk(directory):
            if not found.is_directory and found.path not in listed:
                yield Problem(_shown(found.path), "is not of this layer")


def _difference(root: int, directory: Path, file: LayerFile) -> str:
    """Return what is wrong with the path of *file*, nothing where it is as it should be."""
    try:
        status = os.stat(file.path or b".", dir_fd=root, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    if file.kind is FileKind.WHITEOUT:
        return "" if is_whiteout(status) else "should be a whiteout"
    if file.kind is FileKind.OPAQUE:
        place = directory / os.fsdecode(file.path)
        return "" if is_opaque(os.fsencode(place)) else "should hide what lies below"
    if file.kind is FileKind.HARD_LINK:
        return "should be a file" if stat.S_ISDIR(status.st_mode) else ""
    return _metadata(file, status) or _content(root, file, status)


def _metadata(file: LayerFile, status: os.stat_result) -> str:
    if stat.S_IFMT(status.st_mode) != _FORMATS[file.kind]:
        return f"should be a {file.kind}"
    if (status.st_uid, status.st_gid) != (file.uid, file.gid):
        return f"belongs to {status.st_uid}:{status.st_gid}, not {file.uid}:{file.gid}"
    mode = stat.S_IMODE(status.st_mode)
    if file.kind is not FileKind.SYMLINK and mode != file.mode:
        return f"has mode {mode:o}, not {file.mode:o}"
    return ""


def _content(root: int, file: LayerFile, status: os.stat_result) -> str:
    if file.kind is FileKind.SYMLINK:
        target = os.readlink(file.path, dir_fd=root)
        return "" if target == file.link else "points elsewhere"
    if file.kind is not FileKind.FILE:
        return ""
    if status.st_size != file.size:
        return f"has {status.st_size} bytes, not {file.size}"
    if file.digest is not None and _digest(root, file.path) != file.digest:
        return "has other content"
    return ""


def _digest(root: int, path: bytes) -> Digest:
    hasher = hashlib.sha256(usedforsecurity=False)
    descriptor = os.open(path, _READ_FLAGS, dir_fd=root)
    try:
        while content := os.read(descriptor, CHUNK):
            hasher.update(content)
    finally:
        os.close(descriptor)
    return Digest(hasher.hexdigest())


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, DIRECTORY_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _shown(path: bytes) -> str:
    return "/" + path.decode("utf-8", "backslashreplace")
