"""
Adopting: making a directory of changes the layer that applying its tar would have given.

What a program changed lies in overlayfs's form already, so none of it is written again: its tar
passes by once, to be hashed and noted. Afterwards times are those of the tar, and what is no part
of the tar is gone from the directory.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import from_oserror
from engine.layers.changeset import ROOT, opened_changes
from engine.layers.entries import Kind
from engine.layers.index import INDEX
from engine.layers.index_writer import IndexWriter
from engine.layers.recipe import RECIPE, RecipeWriter, write_all
from engine.layers.tarwriter import END, padding, render_header, sparse_map, stored_size
from engine.oci.digest import DiffID, Digest
from engine.oci.whiteout import OPAQUE_NAME, PREFIX
from engine.progress import NEVER
from engine.system.files import DIRECTORY_FLAGS
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from engine.layers.changeset import LeftOut
    from engine.layers.entries import Entry
    from engine.progress import Cancellation

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a directory of changes came to: the identity and the length of its tar."""

    diff_id: DiffID
    tar_bytes: int


def adopt(
    upper: Path,
    lowers: Sequence[Path],
    *,
    notes: Path,
    is_left_out: LeftOut,
    latest_ns: int | None = None,
    cancellation: Cancellation = NEVER,
) -> Adopted:
    """
    Make *upper* a layer on *lowers*, and leave its index and its recipe in *notes*.

    The tar is the one of `iter_changeset`. Nobody else may use *upper* meanwhile; after an error it
    is good for nothing any more. Raises `Cancelled` or a `SystemFailure`.
    """
    with (
        opened_changes(upper, lowers, is_left_out=is_left_out, latest_ns=latest_ns) as changes,
        ExitStack() as opened,
    ):
        items, passed_over = changes
        passing = Passing(
            IndexWriter(partial(write_all, created(notes / INDEX, opened))),
            RecipeWriter(created(notes / RECIPE, opened)),
        )
        times = _Times(upper, opened)
        for entry, content in items:
            cancellation.check()
            passing.take(entry, content)
            times.take(entry)
        adopted = passing.finish()
        _clear(os.fsencode(upper), passed_over)
        times.finish()
    return adopted


def created(path: Path, opened: ExitStack) -> int:
    """Open the new file *path* for the length of *opened*, and return its descriptor."""
    try:
        descriptor = os.open(path, _NEW_FILE, 0o600)
    except OSError as error:
        raise from_oserror(error, f"write {path}") from error
    opened.callback(os.close, descriptor)
    return descriptor


class Passing:
    """The tar of a layer that passes by and is noted; nothing of it is kept."""

    def __init__(self, index: IndexWriter, recipe: RecipeWriter) -> None:
        self._index = index
        self._recipe = recipe
        self._hasher = hashlib.sha256(usedforsecurity=False)
        self._size = 0
        self._entries = 0

    def take(self, entry: Entry, content: Iterable[bytes]) -> None:
        """Note the next entry; *content* must be as long as the entry says."""
        self._entries += 1
        self._literal(render_header(entry))
        if entry.kind is not Kind.FILE:
            self._index.add(b"" if entry.name == ROOT else entry.name, entry, link=entry.link)
        elif not self._is_mark(entry):
            self._index.add(entry.name, entry, self._file(entry, content))

    def finish(self) -> Adopted:
        """Note the end, and return what the tar came to."""
        self._literal(END)
        self._recipe.finish()
        self._index.finish()
        return Adopted(DiffID(Digest(self._hasher.hexdigest())), self._size)

    def _is_mark(self, entry: Entry) -> bool:
        parent, slash, last = entry.name.rpartition(b"/")
        if last == OPAQUE_NAME:
            self._index.make_opaque(parent)
        elif last.startswith(PREFIX):
            self._index.white_out(parent + slash + last.removeprefix(PREFIX))
        return last.startswith(PREFIX)

    def _file(self, entry: Entry, content: Iterable[bytes]) -> bytes:
        """Take the content of *entry*; return its digest, none for a sparse file."""
        if entry.segments is not None:
            self._literal(sparse_map(entry.segments))
        hasher = hashlib.sha256(usedforsecurity=False)
        size, written = stored_size(entry), 0
        for piece in content:
            hasher.update(piece)
            self._hasher.update(piece)
            written += len(piece)
        if written != size:
            raise ValueError(f"the content has {written} bytes, and not {size}")
        self._size += size
        if size:
            self._recipe.reference(entry.name, self._entries, entry.size, entry.segments)
            self._literal(padding(size))
        return hasher.digest() if entry.segments is None else b""

    def _literal(self, content: bytes) -> None:
        self._hasher.update(content)
        self._recipe.literal(content)
        self._size += len(content)


class _Times:
    """Gives what lies in a tree the times that its entries have; directories come last."""

    def __init__(self, root: Path, opened: ExitStack) -> None:
        self._root = os.open(root, DIRECTORY_FLAGS)
        opened.callback(os.close, self._root)
        self._directories: list[Entry] = []

    def take(self, entry: Entry) -> None:
        if entry.kind is Kind.DIRECTORY:
            self._directories.append(entry)
        else:
            # A mark of something removed has no file of its name.
            with suppress(FileNotFoundError):
                self._set(entry)

    def finish(self) -> None:
        for entry in self._directories:
            self._set(entry)

    def _set(self, entry: Entry) -> None:
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(entry.name, ns=times, dir_fd=self._root, follow_symlinks=False)


def _clear(upper: bytes, paths: Iterable[bytes]) -> None:
    """Remove what the tar does not have; a directory stays that holds something it does have."""
    for path in sorted(paths, reverse=True):
        place = upper + b"/" + path
        if path.rpartition(b"/")[2].startswith(PREFIX):
            remove_tree(place)
            continue
        try:
            os.unlink(place)
        except IsADirectoryError:
            with suppress(OSError):
                os.rmdir(place)
