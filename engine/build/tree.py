"""A directory as the files that copies come from."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from engine.build.files import TreeFile, is_hidden, joined, matching, walking
from engine.build.ignore import NOTHING, IgnorePatterns
from engine.errors import InvalidInput, from_oserror
from engine.layers.entries import Kind
from engine.system.files import DIRECTORY_FLAGS
from engine.system.resolving import open_in_root, path_in_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_LOOK = os.O_PATH | os.O_NOFOLLOW
_HIDDEN_XATTRS = ("trusted.", "user.overlay.", "security.selinux", "system.")
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFIFO: Kind.FIFO,
}


class FileTree:
    """
    `Files` in a directory; use it as a context manager.

    Every path is opened inside the directory, whoever changes it meanwhile.
    """

    def __init__(self, root: Path, ignored: IgnorePatterns = NOTHING) -> None:
        self._ignored = ignored
        self._root = os.open(root, DIRECTORY_FLAGS)

    def resolve(self, path: str) -> TreeFile | None:
        """See `Files.resolve`."""
        try:
            name = os.fsdecode(path_in_root(self._root, os.fsencode(path)))
            descriptor = open_in_root(self._root, os.fsencode(name), _LOOK)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise from_oserror(error, f"look at {path}") from error
        try:
            found = _file(name, os.fstat(descriptor), b"")
        finally:
            os.close(descriptor)
        return None if is_hidden(found, self._listed, self._ignored) else found

    def is_ignored(self, path: str) -> bool:
        """See `Files.is_ignored`."""
        return self._ignored.ignores(path.strip("/"))

    def matches(self, pattern: str) -> list[str]:
        """See `Files.matches`."""
        return matching(self, pattern, self._ignored)

    def exists(self, path: str) -> bool:
        """See `Listing.exists`."""
        try:
            os.close(open_in_root(self._root, os.fsencode(path), _LOOK))
        except OSError:
            return False
        return True

    def names(self, directory: str) -> list[str]:
        """See `Listing.names`."""
        try:
            descriptor = open_in_root(self._root, os.fsencode(directory), DIRECTORY_FLAGS)
        except OSError:
            return []
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def walk(self, path: str) -> Iterator[TreeFile]:
        """See `Files.walk`."""
        return walking(path, self._listed, self._ignored)

    def _listed(self, directory: str) -> Iterator[TreeFile]:
        descriptor = open_in_root(self._root, os.fsencode(directory), DIRECTORY_FLAGS)
        try:
            for name in sorted(os.listdir(descriptor)):
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                is_link = stat.S_ISLNK(status.st_mode)
                link = os.fsencode(os.readlink(name, dir_fd=descriptor)) if is_link else b""
                yield _file(joined(directory, name), status, link)
        finally:
            os.close(descriptor)

    def iter_content(self, file: TreeFile) -> Iterator[bytes]:
        """See `Files.iter_content`."""
        left = file.size
        with self._descriptor(file) as descriptor:
            while left and (piece := os.read(descriptor, min(CHUNK, left))):
                left -= len(piece)
                yield piece
        if left:
            raise InvalidInput(f"{file.path} became shorter while it was copied", field="context")

    def digest(self, file: TreeFile) -> str:
        """See `Files.digest`."""
        hasher = hashlib.sha256(usedforsecurity=False)
        for piece in self.iter_content(file):
            hasher.update(piece)
        return hasher.hexdigest()

    def xattrs(self, file: TreeFile) -> tuple[tuple[bytes, bytes], ...]:
        """See `Files.xattrs`."""
        if not self._has_xattrs:
            return ()
        with self._descriptor(file) as descriptor:
            try:
                names = os.listxattr(descriptor)
            except OSError:
                return ()
            kept = sorted(name for name in names if not name.startswith(_HIDDEN_XATTRS))
            return tuple((os.fsencode(name), os.getxattr(descriptor, name)) for name in kept)

    @cached_property
    def _has_xattrs(self) -> bool:
        """Whether the file system has extended attributes at all."""
        try:
            os.listxattr(self._root)
        except OSError:
            return False
        return True

    @contextmanager
    def opened(self, file: TreeFile) -> Iterator[BinaryIO]:
        """See `Files.opened`."""
        with self._descriptor(file) as descriptor, io.FileIO(os.dup(descriptor)) as stream:
            yield cast("BinaryIO", stream)

    @contextmanager
    def _descriptor(self, file: TreeFile) -> Iterator[int]:
        descriptor = open_in_root(self._root, os.fsencode(file.path), _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
                raise InvalidInput(f"{file.path} was changed while it was copied", field="context")
            yield descriptor
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._root)


def _file(path: str, status: os.stat_result, link: bytes) -> TreeFile:
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    has_names = status.st_nlink > 1 and kind is Kind.FILE
    return TreeFile(
        path,
        kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind is Kind.FILE else 0,
        mtime_ns=status.st_mtime_ns,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        link=link,
        identity=(status.st_dev, status.st_ino) if has_names else None,
    )
