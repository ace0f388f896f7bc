"""
Settling: what an applied layer could not know before it had its place in the stack.

All looking below goes from open directory to open directory and never follows a link, so that
nothing in a layer can lead outside.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InvalidLayer, from_oserror
from engine.layers.entries import printable
from engine.system.files import DIRECTORY_FLAGS, copy_content, copy_metadata, measure
from engine.system.overlayfs import is_opaque, is_whiteout, make_opaque, make_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.layers.apply import AppliedLayer

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NAMELESS = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_DEFAULT_MODE = 0o755


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
        with ExitStack() as opened:
            settler = _Settler(opened, upper, lowers if not applied.is_opaque else ())
            settler.imply(applied.implied)
            for path, target in applied.links.items():
                settler.link(_bytes(path), _bytes(target))
            if applied.is_opaque:
                _hide_all(settler, lowers)
        return measure(upper).bytes if applied.links or applied.is_opaque else applied.size
    except OSError as error:
        raise from_oserror(error, f"settle the layer in {upper}") from error


class _Settler:
    def __init__(self, opened: ExitStack, upper: Path, lowers: Sequence[Path]) -> None:
        self.upper = _kept(opened, os.open(upper, DIRECTORY_FLAGS))
        self._lowers = [_kept(opened, os.open(lower, DIRECTORY_FLAGS)) for lower in lowers]

    def imply(self, paths: Sequence[str]) -> None:
        for path in map(_bytes, paths):
            with self._found(path) as below, suppress(FileNotFoundError, NotADirectoryError):
                if below is not None and stat.S_ISDIR(below.status.st_mode):
                    self._take_after(path, below)

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
        with self._found(path) as below:
            if below is None or stat.S_ISDIR(below.status.st_mode):
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

    def _take_after(self, path: bytes, below: _Below) -> None:
        source = os.open(below.name, DIRECTORY_FLAGS, dir_fd=below.directory)
        try:
            with _opened(self.upper, path.split(b"/")) as target:
                copy_metadata(source, target)
        finally:
            os.close(source)

    @contextmanager
    def _found(self, path: bytes) -> Iterator[_Below | None]:
        """Find what *path* is in the layers below, as they look when stacked."""
        parts = [part for part in path.split(b"/") if part] or [b"."]
        with ExitStack() as opened:
            lowers = [] if _hides(self.upper, parts) else self._lowers
            for lower in lowers:
                found, is_last = _look(opened, lower, parts)
                if found is not None or is_last:
                    yield found
                    return
            yield None


class _Below(NamedTuple):
    directory: int
    name: bytes
    status: os.stat_result


def _look(opened: ExitStack, root: int, parts: Sequence[bytes]) -> tuple[_Below | None, bool]:
    """Look for *parts* in one layer; also say whether it hides the layers below it there."""
    directory, hides = root, False
    for depth, part in enumerate(parts):
        try:
            status = os.stat(part, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None, hides
        if is_whiteout(status):
            return None, True
        if depth == len(parts) - 1:
            return _Below(directory, part, status), True
        if not stat.S_ISDIR(status.st_mode):
            return None, True
        directory = _kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
        hides = hides or is_opaque(directory)
    return None, hides


def _hides(root: int, parts: Sequence[bytes]) -> bool:
    """Whether the layer *root* lets nothing of *parts* shine through from below."""
    with ExitStack() as opened:
        directory = root
        for part in parts[:-1]:
            try:
                status = os.stat(part, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                return False
            if not stat.S_ISDIR(status.st_mode):
                return True
            directory = _kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
            if is_opaque(directory):
                return True
        return _is_whiteout_at(directory, parts[-1])


def _hide_all(settler: _Settler, lowers: Sequence[Path]) -> None:
    """
    Hide every entry of *lowers* one by one.

    Overlayfs always merges the roots of its layers, whatever their attributes say.
    """
    names = {name for lower in lowers for name in os.listdir(os.fsencode(lower))}
    with _times_kept(settler.upper):
        for name in sorted(names):
            try:
                make_whiteout(name, directory=settler.upper)
            except FileExistsError:
                _make_opaque_if_directory(settler.upper, name)


def _make_opaque_if_directory(upper: int, name: bytes) -> None:
    with suppress(NotADirectoryError), _opened(upper, [name]) as directory:
        make_opaque(directory)


def _link(source: int, source_name: bytes, place: int, name: bytes) -> None:
    os.link(source_name, name, src_dir_fd=source, dst_dir_fd=place, follow_symlinks=False)


def _copy(below: _Below, place: int, name: bytes) -> None:
    mode = below.status.st_mode
    if stat.S_ISREG(mode):
        _copy_file(below, place, name)
    elif stat.S_ISLNK(mode):
        os.symlink(os.readlink(below.name, dir_fd=below.directory), name, dir_fd=place)
    else:
        os.mknod(name, mode, below.status.st_rdev, dir_fd=place)
    if not stat.S_ISREG(mode):
        _describe(below.status, place, name)


def _copy_file(below: _Below, place: int, name: bytes) -> None:
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
    if _is_whiteout_at(place, name):
        os.unlink(name, dir_fd=place)


def _is_whiteout_at(directory: int, name: bytes) -> bool:
    try:
        return is_whiteout(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return False


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
                directory = _kept(opened, os.open(part, DIRECTORY_FLAGS, dir_fd=directory))
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


def _kept(opened: ExitStack, descriptor: int) -> int:
    opened.callback(os.close, descriptor)
    return descriptor


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
