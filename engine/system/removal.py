"""
Trees of files, removed without ever following a link or entering what is mounted in them.

They come from images and containers, so they may be deeper than any path is allowed to be long, and
may change meanwhile: every step is taken relative to an open directory. Some filesystems wait for
the disk at each file that goes. So one thread looks, and what may wait is left to many that do
nothing else: they wait together, and none of them waits for the interpreter at every small step.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from engine.system.files import DIRECTORY_FLAGS, AnyPath
from engine.system.resolving import open_on_mount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")
# More of them only get in each other's way, at the interpreter and in the directories they share.
_SEVERAL, _MANY = 4, 8
# A thread costs more to start than so few removals where nothing waits.
_WORTH_A_THREAD = 8
# How many directories are open, and names held, at once.
_OPEN, _HELD = 128, 10_000
# What is said of a file or a link; anything else is said of a directory, which must stay then.
_NO_DIRECTORY = {errno.ENOTDIR, errno.ELOOP}
# How often a tree is gone through while other removers move things up in it.
_ROUNDS = 100


def remove_tree(root: AnyPath) -> None:
    """
    Remove *root* and all below it; afterwards nothing is there, whether or not anything was.

    A call that was interrupted is completed by the next, and several may be at it at once. What is
    mounted somewhere below is not entered: it is an `OSError`, EXDEV or EBUSY, and somebody else's
    data stays.
    """
    remove_trees([root])


def remove_trees(roots: Sequence[AnyPath]) -> None:
    """As `remove_tree` of each of *roots*; after an error any of them may be there still."""
    for start in range(0, len(roots), _OPEN):
        left = roots[start : start + _OPEN]
        for _ in range(_ROUNDS):
            left = _still_there(left)
            if not left:
                break
        else:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fspath(left[0]))


def in_threads(act: Callable[[T], object], things: Sequence[T], *, most: int = _SEVERAL) -> None:
    """Do *act* with each of *things*; the first error is raised once all threads have ended."""
    waiting = iter(things)  # one for all: each goes to one of the threads
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for each in waiting:
                act(each)
                if failures:
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised where the threads end
            failures.append(error)

    helpers = [threading.Thread(target=work) for _ in things[1:most]]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]


def in_many(act: Callable[[T], object], things: Sequence[T]) -> None:
    """As `in_threads`, for what does little but wait for the disk."""
    in_threads(act, things, most=min(_MANY, 1 + len(things) // _WORTH_A_THREAD))


class _Entry(NamedTuple):
    """A name in an open directory of the tree whose root is open as *top*."""

    top: int
    parent: int
    name: bytes
    is_directory: bool


def _still_there(roots: Sequence[AnyPath]) -> list[AnyPath]:
    """Empty and remove *roots*; return those in which somebody left something meanwhile."""
    with _Opened() as opened:
        for root in roots:
            try:
                opened.add(os.open(root, DIRECTORY_FLAGS))
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _NO_DIRECTORY:
                    raise
                os.unlink(root)
        _Emptier().run(opened.descriptors)
        return [root for root in roots if not _remove_empty(root)]


class _Opened:
    """
    Open directories, closed by many at once when the block ends.

    One that was removed while it is open waits for the disk when it is closed; otherwise it would
    when it is removed, and its parent would be locked meanwhile.
    """

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        in_many(os.close, self.descriptors)

    def add(self, descriptor: int) -> int:
        """Close *descriptor* too, which is returned."""
        self.descriptors.append(descriptor)
        return descriptor


class _Emptier:
    """
    Empties directories, level by level.

    Subdirectories are moved up to the root of their tree before they are emptied, so no depth is
    too deep.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        # Its own, or another remover of the same tree would take our places for its.
        self._mark = os.urandom(4).hex().encode()
        self._pending: list[_Entry] = []
        self._held: list[_Entry] = []
        self._full: list[_Entry] = []

    def run(self, tops: Iterable[int]) -> None:
        """Empty the open directories *tops*."""
        for top in tops:
            self._look(top, top)
        self._clear()
        while self._pending:
            level, self._pending = self._pending, []
            for start in range(0, len(level), _OPEN):
                self._remove(level[start : start + _OPEN])

    def _remove(self, directories: Sequence[_Entry]) -> None:
        with _Opened() as opened:
            for each in directories:
                try:
                    descriptor = open_on_mount(each.parent, each.name, DIRECTORY_FLAGS)
                except FileNotFoundError:
                    continue
                self._look(each.top, opened.add(descriptor))
            self._clear()
            for each in directories:
                _remove_empty(each.name, parent=each.parent)

    def _look(self, top: int, descriptor: int) -> None:
        with os.scandir(descriptor) as entries:
            for each in entries:
                is_directory = each.is_dir(follow_symlinks=False)
                entry = _Entry(top, descriptor, os.fsencode(each.name), is_directory)
                # One at the top is where it can be emptied.
                at_place = is_directory and descriptor == top
                (self._pending if at_place else self._held).append(entry)
        if len(self._held) > _HELD:
            self._clear()

    def _clear(self) -> None:
        """Remove what was seen in the open directories; what is not empty is moved up."""
        held, self._held = self._held, []
        in_many(self._take_away, held)
        full, self._full = self._full, []
        for each in full:
            self._lift(each)

    def _take_away(self, entry: _Entry) -> None:
        try:
            (os.rmdir if entry.is_directory else os.unlink)(entry.name, dir_fd=entry.parent)
        except FileNotFoundError:
            return
        except OSError:
            if not entry.is_directory:
                raise
            self._full.append(entry)

    def _lift(self, entry: _Entry) -> None:
        lifted = self._make_place(entry.top)
        self._pending.append(_Entry(entry.top, entry.top, lifted, is_directory=True))
        # Where it is gone meanwhile, its place is empty and goes too.
        with suppress(FileNotFoundError):
            os.rename(entry.name, lifted, src_dir_fd=entry.parent, dst_dir_fd=entry.top)

    def _make_place(self, top: int) -> bytes:
        while True:
            place = b".removed-%s-%d" % (self._mark, next(self._numbers))
            with suppress(FileExistsError):
                os.mkdir(place, dir_fd=top)
                return place


def _remove_empty(name: AnyPath, *, parent: int | None = None) -> bool:
    """Remove an empty directory; return False where another remover has moved something up."""
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True
