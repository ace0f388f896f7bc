"""
Writing a layer of this host: from entries that we made ourselves to a directory and its notes.

`apply` does the same from any tar of anybody, in a child process. Here every entry is known before
the first is written: names are unique, no parent is a link, nothing is a device. So nothing is ever
followed or replaced, and no child is needed.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import from_oserror
from engine.layers.adopt import Passing, created
from engine.layers.apply import AppliedLayer
from engine.layers.attributes import describe
from engine.layers.entries import Kind
from engine.layers.index import INDEX
from engine.layers.index_writer import IndexWriter
from engine.layers.recipe import RECIPE, RecipeWriter, write_all
from engine.oci.whiteout import PREFIX
from engine.progress import NEVER
from engine.system.files import BLOCK, DIRECTORY_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from engine.layers.changeset import Item
    from engine.layers.entries import Entry
    from engine.progress import Cancellation

IMPLIED_MODE = 0o755
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = frozenset({Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.HARD_LINK})


def is_plain(entries: Sequence[Entry]) -> bool:
    """Whether `write_layer` can write *entries*."""
    directories = {each.name for each in entries if each.kind is Kind.DIRECTORY}
    seen: set[bytes] = set()
    for entry in entries:
        if entry.kind not in _KINDS or entry.segments is not None or entry.name in seen:
            return False
        if entry.kind is Kind.HARD_LINK and entry.link not in seen - directories:
            return False
        parts = entry.name.split(b"/")
        if any(part in {b"", b".", b".."} or part.startswith(PREFIX) for part in parts):
            return False
        seen.add(entry.name)
    others = seen - directories
    return not any(parent in others for entry in entries for parent in _parents(entry.name))


def write_layer(
    items: Iterable[Item], *, target: Path, notes: Path, cancellation: Cancellation = NEVER
) -> AppliedLayer:
    """
    Write *items*, which are plain, into the empty directory *target* that nobody else uses.

    Afterwards it is as if their tar had been applied, recipe included. On an error, what was
    written is the caller's to remove. Raises `Cancelled`, what reading the items raises, or a
    `SystemFailure` of this host.
    """
    with ExitStack() as opened:
        passing = Passing(
            IndexWriter(partial(write_all, created(notes / INDEX, opened))),
            RecipeWriter(created(notes / RECIPE, opened)),
        )
        root = os.open(target, DIRECTORY_FLAGS)
        opened.callback(os.close, root)
        writer = _Writer(root, passing)
        for entry, content in items:
            cancellation.check()
            try:
                writer.write(entry, content)
            except OSError as error:
                raise from_oserror(error, f"write /{os.fsdecode(entry.name)} of a layer") from error
        return writer.finish()


class _Writer:
    """One layer being written below the open directory *root*."""

    def __init__(self, root: int, passing: Passing) -> None:
        self._root = root
        self._passing = passing
        self._directories: dict[bytes, Entry | None] = {b"": None}
        self._entries = 0
        self._allocated = 0

    def write(self, entry: Entry, content: Iterable[bytes]) -> None:
        self._entries += 1
        self._imply(entry.name.rpartition(b"/")[0])
        if entry.kind is Kind.FILE:
            self._file(entry, content)
            return
        self._passing.take(entry, ())
        if entry.kind is Kind.DIRECTORY:
            if entry.name not in self._directories:
                os.mkdir(entry.name, IMPLIED_MODE, dir_fd=self._root)
            self._directories[entry.name] = entry
        elif entry.kind is Kind.HARD_LINK:
            os.link(
                entry.link,
                entry.name,
                src_dir_fd=self._root,
                dst_dir_fd=self._root,
                follow_symlinks=False,
            )
        else:
            self._symlink(entry)

    def finish(self) -> AppliedLayer:
        adopted = self._passing.finish()
        for path, entry in self._directories.items():
            self._describe(path or b".", entry)
        return AppliedLayer(
            diff_id=adopted.diff_id,
            size=self._allocated,
            entries=self._entries,
            unpacked_bytes=adopted.tar_bytes,
            implied=tuple(os.fsdecode(p) for p, entry in self._directories.items() if not entry),
        )

    def _imply(self, path: bytes) -> None:
        if path not in self._directories:
            self._imply(path.rpartition(b"/")[0])
            os.mkdir(path, IMPLIED_MODE, dir_fd=self._root)
            self._directories[path] = None

    def _file(self, entry: Entry, content: Iterable[bytes]) -> None:
        descriptor = os.open(entry.name, _NEW_FILE, 0o600, dir_fd=self._root)
        try:
            self._passing.take(entry, _written(descriptor, content))
            describe(descriptor, entry)
            self._allocated += os.fstat(descriptor).st_blocks * BLOCK
        finally:
            os.close(descriptor)

    def _symlink(self, entry: Entry) -> None:
        os.symlink(entry.link, entry.name, dir_fd=self._root)
        name, root, times = entry.name, self._root, (entry.mtime_ns, entry.mtime_ns)
        os.chown(name, entry.uid, entry.gid, dir_fd=root, follow_symlinks=False)
        os.utime(name, ns=times, dir_fd=root, follow_symlinks=False)
        status = os.stat(name, dir_fd=root, follow_symlinks=False)
        self._allocated += status.st_blocks * BLOCK

    def _describe(self, path: bytes, entry: Entry | None) -> None:
        descriptor = os.open(path, DIRECTORY_FLAGS, dir_fd=self._root)
        try:
            if entry is None:
                os.utime(descriptor, ns=(0, 0))
            else:
                describe(descriptor, entry)
            self._allocated += os.fstat(descriptor).st_blocks * BLOCK
        finally:
            os.close(descriptor)


def _written(descriptor: int, content: Iterable[bytes]) -> Iterator[bytes]:
    for piece in content:
        write_all(descriptor, piece)
        yield piece


def _parents(name: bytes) -> Iterator[bytes]:
    while name := name.rpartition(b"/")[0]:
        yield name
