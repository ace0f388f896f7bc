"""Settling: what an applied layer could not know before it had its place in the stack."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import InvalidLayer, from_oserror
from engine.layers.entries import printable
from engine.layers.stack import Seen, Stack, hides, is_whiteout_at, kept
from engine.system.files import DIRECTORY_FLAGS, copy_content, copy_metadata, measure
from engine.system.overlayfs import is_whiteout, make_opaque, make_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.layers.apply import AppliedLayer

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NAMELESS = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_DEFAULT_MODE = 0o755
_NONSENSE = {errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ELOOP, errno.EMLINK}


def settle(upper: Path, lowers: Sequence[Path], applied: AppliedLayer) -> int:
    """
    Finish the layer in *upper* now that it stands on *lowers*, the highest of which comes first.

    Implied directories take owner, mode and attributes from below, hard links into layers below get
    their file copied up, an opaque root hides what it must. Doing so twice is the same as once.
    Returns the bytes that *upper* occupies now. Raises `InvalidLayer` for a link to nothing.
    """
    if not (applied.implied or applied.links or applied.is_opaque):
        return applied.size
    try:
        with ExitStack() as opened, Stack(lowers) as below:
            settler = _Settler(opened, upper, below, is_opaque=applied.is_opaque)
            settler.imply(applied.implied)
            for path, target in applied.links.items():
                with _nonsense_named(path):
                    settler.link(_bytes(path), _bytes(target))
            if applied.is_opaque:
                settler.hide_all()
        return measure(upper).bytes if applied.links or applied.is_opaque else applied.size
    except OSError as error:
        raise from_oserror(error, f"settle the layer in {upper}") from error


class _Settler:
    def __init__(self, opened: ExitStack, upper: Path, below: Stack, *, is_opaque: bool) -> None:
        self.upper = kept(opened, os.open(upper, DIRECTORY_FLAGS))
        self._below = below
        self._is_opaque = is_opaque

    def imply(self, paths: Sequence[str]) -> None:
        for path in map(_bytes, paths):
            with self._looked_at(path) as below:
                if below is not None and below.is_directory:
                    self._take_after(path, below)

    @contextmanager
    def _looked_at(self, path: bytes) -> Iterator[Seen | None]:
        """Look at what shines through this layer at *path*."""
        if hides(self.upper, path) or (self._is_opaque and path):
            yield None
            return
        with self._below.looked_at(path) as seen:
            yield seen

    def hide_all(self) -> None:
        """
        Hide every entry of the root below one by one.

        Overlayfs always merges the roots of its layers, whatever their attributes say.
        """
        with _times_kept(self.upper):
            for name in sorted(self._below.names(b"")):
                try:
                    make_whiteout(name, directory=self.upper)
                except FileExistsError:
                    _make_opaque_if_directory(self.upper, name)

    def link(self, path: bytes, target: bytes) -> None:
        if not _exists(self.upper, target):
            self._copy_up(target, wanted_by=path)
        with (
            _parent_of(self.upper, target) as (source, source_name),
            _parent_of(self.upper, path) as (place, name),
            _times_kept(place),
        ):
            _clear_whiteout(place, name)
            with suppress(FileExistsError):
                _link(source, source_name, place, name)

    def _copy_up(self, path: bytes, *, wanted_by: bytes) -> None:
        with self._looked_at(path) as below:
            if below is None or below.is_directory:
                raise InvalidLayer(
                    f"a hard link to {printable(path)!r}, which is no file of the image",
                    entry=printable(wanted_by),
                )
            self._make_parents(path)
            with _parent_of(self.upper, path) as (place, name), _times_kept(place):
                _copy(below, place, name)

    def _make_parents(self, path: bytes) -> None:
        parts = path.split(b"/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = b"/".join(parts[:depth])
            if _exists(self.upper, parent):
                continue
            with _parent_of(self.upper, parent) as (place, name), _times_kept(place):
                os.mkdir(name, _DEFAULT_MODE, dir_fd=place)
            self.imply([os.fsdecode(parent)])

    def _take_after(self, path: bytes, below: Seen) -> None:
        source = os.open(below.name, DIRECTORY_FLAGS, dir_fd=below.directory)
        try:
            with _opened(self.upper, path.split(b"/")) as target:
                copy_metadata(source, target)
        finally:
            os.close(source)


def _make_opaque_if_directory(upper: int, name: bytes) -> None:
    with suppress(NotADirectoryError), _opened(upper, [name]) as directory:
        make_opaque(directory)


def _link(source: int, source_name: bytes, place: int, name: bytes) -> None:
    os.link(source_name, name, src_dir_fd=source, dst_dir_fd=place, follow_symlinks=False)


def _copy(below: Seen, place: int, name: bytes) -> None:
    mode = below.status.st_mode
    if stat.S_ISREG(mode):
        _copy_file(below, place, name)
    elif stat.S_ISLNK(mode):
        os.symlink(os.readlink(below.name, dir_fd=below.directory), name, dir_fd=place)
    else:
        os.mknod(name, mode, below.status.st_rdev, dir_fd=place)
    if not stat.S_ISREG(mode):
        _describe(below.status, place, name)


def _copy_file(below: Seen, place: int, name: bytes) -> None:
    source = os.open(below.name, _READ, dir_fd=below.directory)
    try:
        # Without a name until it is whole, so that a killed process leaves no half of a file.
        target = os.open(b".", _NAMELESS, 0o600, dir_fd=place)
        try:
            copy_content(source, target)
            copy_metadata(source, target)
            os.link(f"/proc/self/fd/{target}", name, dst_dir_fd=place, follow_symlinks=True)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _describe(status: os.stat_result, place: int, name: bytes) -> None:
    os.chown(name, status.st_uid, status.st_gid, dir_fd=place, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=place)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=place, follow_symlinks=False)


def _clear_whiteout(place: int, name: bytes) -> None:
    if is_whiteout_at(place, name):
        os.unlink(name, dir_fd=place)


@contextmanager
def _nonsense_named(path: str) -> Iterator[None]:
    """Turn what the filesystem finds impossible, as a link to a directory, into `InvalidLayer`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NONSENSE:
            raise
        entry = printable(_bytes(path))
        raise InvalidLayer("a hard link that cannot be made", entry=entry) from error


@contextmanager
def _parent_of(root: int, path: bytes) -> Iterator[tuple[int, bytes]]:
    *parents, name = path.split(b"/")
    with _opened(root, parents) as directory:
        yield directory, name


@contextmanager
def _opened(root: int, parts: Sequence[bytes]) -> Iterator[int]:
    with ExitStack() as opened:
        directory = root
        for part in parts:
            if part:
                directory = kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
        yield directory


@contextmanager
def _times_kept(directory: int) -> Iterator[None]:
    status = os.fstat(directory)
    try:
        yield
    finally:
        os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))


def _exists(root: int, path: bytes) -> bool:
    try:
        with _parent_of(root, path) as (directory, name):
            return not is_whiteout(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
