"""
From what was changed to the tar of a layer: the other direction of applying.

The same changes give the same tar: names are sorted, a directory comes before what is in it, and
times are whole seconds, as docker writes them. Sockets are left out. Everything is opened inside
the tree and never through a link; what vanishes meanwhile is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import from_oserror
from engine.layers.entries import NANOSECONDS, Entry, Kind, Segment
from engine.layers.stack import Stack
from engine.layers.tarwriter import render_tar
from engine.oci.whiteout import OPAQUE_NAME, PREFIX
from engine.system.files import BLOCK, DIRECTORY_FLAGS, iter_data
from engine.system.overlayfs import is_opaque, is_reserved_xattr, is_whiteout
from engine.system.resolving import open_in_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PIECE = 1 << 20
ROOT = b"./"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}
# What is about this host's policy, and not about the file.
_LEFT_OUT = frozenset({"security.selinux"})
_WORTH_HOLES = 64 * 1024
Item = tuple[Entry, "Iterable[bytes]"]
LeftOut = Callable[[bytes, os.stat_result], bool]


class _Seen(NamedTuple):
    """Something in an open directory."""

    directory: int
    name: bytes
    path: bytes
    status: os.stat_result

    @property
    def kind(self) -> Kind | None:
        return _KINDS.get(stat.S_IFMT(self.status.st_mode))


class _Listed(NamedTuple):
    """An open directory and the names in it."""

    place: int
    path: bytes
    names: set[bytes]


def iter_changeset(
    upper: Path,
    lowers: Sequence[Path],
    *,
    is_left_out: LeftOut = lambda *_: False,
    latest_ns: int | None = None,
) -> Iterator[bytes]:
    """
    Yield the tar of what *upper*, in overlayfs's form, changes in the stack *lowers*.

    The highest of *lowers* comes first. The root is an entry where it differs from the one below.
    What *is_left_out*, told path and status, is no part of it; what is below it is asked for again.
    No time is later than *latest_ns*.
    """
    with _translated(upper), Stack(lowers) as below:
        items = _Overlay(upper, below, is_left_out).items()
        yield from render_tar(_not_later(items, latest_ns))


def iter_difference(
    tree: Path,
    base: Path | None,
    *,
    is_left_out: LeftOut = lambda *_: False,
    latest_ns: int | None = None,
) -> Iterator[bytes]:
    """Yield the tar of what is different in the whole *tree* from the whole *base*, or nothing."""
    with _translated(tree), Stack([base] if base else []) as below:
        items = _Whole(tree, below, is_left_out).items()
        yield from render_tar(_not_later(items, latest_ns))


def _not_later(items: Iterator[Item], latest_ns: int | None) -> Iterator[Item]:
    for entry, content in items:
        if latest_ns is not None and entry.mtime_ns > latest_ns:
            yield entry._replace(mtime_ns=latest_ns), content
        else:
            yield entry, content


@contextmanager
def opened_changes(
    upper: Path, lowers: Sequence[Path], *, is_left_out: LeftOut, latest_ns: int | None
) -> Iterator[tuple[Iterator[Item], list[bytes]]]:
    """
    Open what `iter_changeset` makes a tar of: its items, and a list that grows with them.

    The list is of the paths of *upper* that are no part of the tar.
    """
    with _translated(upper), Stack(lowers) as below:
        changes = _Overlay(upper, below, is_left_out)
        yield _not_later(changes.items(), latest_ns), changes.passed_over


class _Changes:
    """Walks the tree *root* and yields what of it belongs into the tar."""

    def __init__(self, root: Path, below: Stack, is_left_out: LeftOut) -> None:
        self._is_left_out = is_left_out
        self._root = root
        self._below = below
        self._links: dict[tuple[int, int], bytes] = {}
        # What lies in the tree and is no part of the tar.
        self.passed_over: list[bytes] = []

    def items(self) -> Iterator[Item]:
        root = os.open(self._root, DIRECTORY_FLAGS)
        try:
            own = _Seen(root, b".", b"", os.fstat(root))
            if not self._is_same(own):
                yield from _items(own, ROOT)
            waiting = [b""]
            while waiting:
                path = waiting.pop()
                with suppress(FileNotFoundError, NotADirectoryError), _opened(root, path) as place:
                    directories: list[bytes] = []
                    yield from self._listed(place, path, directories)
                    waiting += reversed(directories)
        finally:
            os.close(root)

    def _listed(self, place: int, path: bytes, directories: list[bytes]) -> Iterator[Item]:
        """Yield what is in one directory; add those in it to *directories*."""
        names = {os.fsencode(each) for each in os.listdir(place)}
        for mark in self._hidden(_Listed(place, path, names)):
            yield _mark(_joined(path, mark))
        for name in sorted(names):
            # What looks like a mark cannot be told from one.
            if name.startswith(PREFIX):
                self.passed_over.append(_joined(path, name))
                continue
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=place, follow_symlinks=False)
                seen = _Seen(place, name, _joined(path, name), status)
                if seen.kind is None or self._is_left_out(seen.path, status):
                    self.passed_over.append(seen.path)
                else:
                    yield from self._item(seen)
                if seen.kind is Kind.DIRECTORY:
                    directories.append(seen.path)

    def _item(self, seen: _Seen) -> Iterator[Item]:
        if seen.status.st_nlink > 1 and seen.kind is not Kind.DIRECTORY:
            identity = (seen.status.st_dev, seen.status.st_ino)
            first = self._links.setdefault(identity, seen.path)
            if first is not seen.path:
                yield _entry(seen, seen.path, Kind.HARD_LINK, link=first), ()
                return
        yield from _items(seen, seen.path)

    def _hidden(self, listed: _Listed) -> list[bytes]:
        """Return the marks that hide what is below in a directory."""
        raise NotImplementedError

    def _is_same(self, seen: _Seen) -> bool:
        """Whether it is below as well, by all that can be told without reading content."""
        with self._below.looked_at(seen.path) as old:
            return old is not None and _facts(seen) == _facts(
                _Seen(old.directory, old.name, seen.path, old.status)
            )


class _Overlay(_Changes):
    """An upper directory: all that is in it was changed, or stands above what was."""

    def _item(self, seen: _Seen) -> Iterator[Item]:
        if not is_whiteout(seen.status):
            yield from super()._item(seen)
        elif self._below.has(seen.path):
            # One over nothing is left where a file was made and removed again.
            parent, _, name = seen.path.rpartition(b"/")
            yield _mark(_joined(parent, PREFIX + name))
        else:
            self.passed_over.append(seen.path)

    def _hidden(self, listed: _Listed) -> list[bytes]:
        hides = listed.path and is_opaque(listed.place) and self._below.names(listed.path)
        return [OPAQUE_NAME] if hides else []


class _Whole(_Changes):
    """A whole tree: what is the same below was not changed, and what is missing was removed."""

    def _item(self, seen: _Seen) -> Iterator[Item]:
        if not self._is_same(seen) and not is_whiteout(seen.status):
            yield from super()._item(seen)

    def _hidden(self, listed: _Listed) -> list[bytes]:
        gone = self._below.names(listed.path) - listed.names
        return [PREFIX + name for name in sorted(gone)]


def _mark(path: bytes) -> Item:
    # Without a time: nobody can set that of a mark, and equal changes are to give equal tars.
    return Entry(path, Kind.FILE, mode=0), ()


@contextmanager
def _opened(root: int, path: bytes) -> Iterator[int]:
    descriptor = open_in_root(root, path, DIRECTORY_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _translated(tree: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise from_oserror(error, f"read the changes in {tree}") from error


def _items(seen: _Seen, name: bytes) -> Iterator[Item]:
    if seen.kind is Kind.FILE:
        with suppress(FileNotFoundError, IsADirectoryError):
            yield from _file_items(seen, name)
    elif seen.kind is not None:
        with suppress(FileNotFoundError):
            link = b""
            if seen.kind is Kind.SYMLINK:
                link = os.readlink(seen.name, dir_fd=seen.directory)
            yield _entry(seen, name, seen.kind, link=link, xattrs=_xattrs_of(seen)), ()


def _file_items(seen: _Seen, name: bytes) -> Iterator[Item]:
    descriptor = os.open(seen.name, _READ, dir_fd=seen.directory)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        whole = status.st_blocks * BLOCK + _WORTH_HOLES >= status.st_size
        segments = None if whole else tuple(Segment(*each) for each in iter_data(descriptor))
        entry = _entry(seen._replace(status=status), name, Kind.FILE, xattrs=_xattrs(descriptor))
        stretches = segments if segments is not None else (Segment(0, status.st_size),)
        yield entry._replace(segments=segments), _content(descriptor, stretches)
    finally:
        os.close(descriptor)


def _content(descriptor: int, stretches: Iterable[Segment]) -> Iterator[bytes]:
    """Yield the bytes of *stretches*; where the file has become shorter, zeros."""
    for offset, length in stretches:
        at, end = offset, offset + length
        while at < end:
            wanted = min(PIECE, end - at)
            piece = os.pread(descriptor, wanted, at) or bytes(wanted)
            at += len(piece)
            yield piece


def _entry(
    seen: _Seen,
    name: bytes,
    kind: Kind,
    *,
    link: bytes = b"",
    xattrs: tuple[tuple[bytes, bytes], ...] = (),
) -> Entry:
    status = seen.status
    return Entry(
        name=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind is Kind.FILE else 0,
        mtime_ns=_whole_seconds(status),
        link=link,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        xattrs=xattrs,
    )


def _facts(seen: _Seen) -> tuple[object, ...]:
    status = seen.status
    is_file = stat.S_ISREG(status.st_mode)
    link = os.readlink(seen.name, dir_fd=seen.directory) if stat.S_ISLNK(status.st_mode) else b""
    return (
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size if is_file else 0,
        # A name made or removed in the root changes its time, and that alone is no change.
        status.st_mtime_ns if seen.path else 0,
        status.st_rdev,
        link,
        _xattrs_of(seen),
    )


def _xattrs_of(seen: _Seen) -> tuple[tuple[bytes, bytes], ...]:
    """Return the attributes of anything, without opening it for more than a look."""
    descriptor = os.open(seen.name, _LOOK, dir_fd=seen.directory)
    try:
        return _xattrs(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _xattrs(target: int | str) -> tuple[tuple[bytes, bytes], ...]:
    try:
        names = os.listxattr(target)
    except OSError:  # a filesystem, or a kind of file, that has none
        return ()
    kept = [name for name in sorted(names) if name not in _LEFT_OUT]
    pairs = [(os.fsencode(name), os.getxattr(target, name)) for name in kept]
    return tuple(pair for pair in pairs if not is_reserved_xattr(pair[0]))


def _whole_seconds(status: os.stat_result) -> int:
    return status.st_mtime_ns // NANOSECONDS * NANOSECONDS


def _joined(path: bytes, name: bytes) -> bytes:
    return path + b"/" + name if path else name
