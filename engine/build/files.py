"""
The files that copies come from, whatever holds them: a directory, or a tar.

Everything is seen from the root of the tree: links are followed inside it and never lead out. What
is ignored is not there.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.build.ignore import NOTHING, IgnorePatterns, expression_of
from engine.errors import InvalidInput
from engine.layers.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from engine.layers.entries import Entry

    Item = tuple[Entry, Iterable[bytes]]

WILDCARDS = re.compile(r"[*?\[\\]")
MAX_FILES = 2_000_000


@dataclass(frozen=True, slots=True)
class TreeFile:
    """
    Something in a tree: its *path* from the root, without a slash in front.

    *identity* is equal for the names of one file, None where it has only one. *kind* is None for a
    socket, which nothing can be made of.
    """

    path: str
    kind: Kind | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    device: tuple[int, int] = (0, 0)
    link: bytes = b""
    identity: object = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind is Kind.DIRECTORY

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind is Kind.FILE


class Files(Protocol):
    """A tree of files."""

    def resolve(self, path: str) -> TreeFile | None:
        """Return what *path* is once its links are followed; None where nothing is."""

    def is_ignored(self, path: str) -> bool:
        """Whether *path* is there for others, and ignored here."""

    def matches(self, pattern: str) -> list[str]:
        """Return the paths that *pattern* matches, sorted; `*` stays within a name."""

    def walk(self, path: str) -> Iterator[TreeFile]:
        """
        Yield everything below the directory *path*, sorted, directories before what is in them.

        An ignored directory is yielded only where something below it is let back in.
        """

    def iter_content(self, file: TreeFile) -> Iterator[bytes]:
        """Yield the bytes of a regular file; raise `InvalidInput` if it is another by now."""

    def digest(self, file: TreeFile) -> str:
        """Return the sha256 of a regular file's bytes, in hexadecimal digits."""

    def xattrs(self, file: TreeFile) -> tuple[tuple[bytes, bytes], ...]:
        """Return the extended attributes of a regular file that copies keep, sorted."""

    def opened(self, file: TreeFile) -> AbstractContextManager[BinaryIO]:
        """Open a regular file for reading."""


class Listing(Protocol):
    """What `matching` and `walking` ask of a tree."""

    def names(self, directory: str) -> list[str]:
        """Return the names in *directory*, sorted; none if it is no directory."""

    def exists(self, path: str) -> bool:
        """Whether something is at *path*, its last link not followed."""


def matching(listing: Listing, pattern: str, ignored: IgnorePatterns = NOTHING) -> list[str]:
    """Return the paths of *listing* that *pattern* matches; see `Files.matches`."""
    found = [""]
    for part in [each for each in pattern.split("/") if each not in {"", "."}]:
        found = [path for above in found for path in _matching_below(listing, above, part)]
        if len(found) > MAX_FILES:
            raise InvalidInput(f"{pattern!r} matches more than {MAX_FILES} files")
    return [each for each in found if not ignored.ignores(each)]


def _matching_below(listing: Listing, above: str, part: str) -> list[str]:
    if not WILDCARDS.search(part):
        path = joined(above, part)
        return [path] if listing.exists(path) else []
    try:
        expression = re.compile(expression_of(part), re.DOTALL)
    except re.error as error:
        raise InvalidInput(f"{part!r} is no pattern", field="source") from error
    return [joined(above, name) for name in listing.names(above) if expression.fullmatch(name)]


def walking(
    path: str, listed: Callable[[str], Iterable[TreeFile]], ignored: IgnorePatterns
) -> Iterator[TreeFile]:
    """Yield what is below *path*, where *listed* gives what a directory holds; see `Files.walk`."""
    waiting = [path]
    count = 0
    while waiting:
        below: list[str] = []
        for found in listed(waiting.pop()):
            count += 1
            if count > MAX_FILES:
                raise InvalidInput(f"more than {MAX_FILES} files are to be copied")
            if _is_hidden(found, listed, ignored):
                continue
            yield found
            if found.is_directory:
                below.append(found.path)
        waiting.extend(reversed(below))


def is_hidden(
    file: TreeFile, listed: Callable[[str], Iterable[TreeFile]], ignored: IgnorePatterns
) -> bool:
    """Whether *file* is ignored, and nothing below it is let back in."""
    return bool(file.path) and _is_hidden(file, listed, ignored)


def _is_hidden(
    file: TreeFile, listed: Callable[[str], Iterable[TreeFile]], ignored: IgnorePatterns
) -> bool:
    if not ignored.patterns or not ignored.ignores(file.path):
        return False
    if not file.is_directory or not ignored.has_exceptions:
        return True
    return next(walking(file.path, listed, ignored), None) is None


def joined(above: str, name: str) -> str:
    """Return *name* seen from *above*; neither begins with a slash."""
    return f"{above}/{name}" if above else name


def cleaned(path: str) -> str:
    """Return *path* seen from the root, without a slash in front; it never climbs out."""
    return posixpath.normpath("/" + path).lstrip("/")
