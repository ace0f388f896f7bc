"""
The files that copies come from: a build context, or the file system of a stage or an image.

Everything is seen from the tree's root: links are followed inside it and never lead out, also when
somebody changes the tree meanwhile. What is ignored is not there.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from engine.build.ignore import NOTHING, IgnorePatterns, expression_of
from engine.errors import InvalidInput, from_oserror
from engine.system.files import DIRECTORY_FLAGS
from engine.system.resolving import open_in_root, path_in_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
WILDCARDS = re.compile(r"[*?\[\\]")
MAX_FILES = 2_000_000
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_LOOK = os.O_PATH | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class TreeFile:
    """Something in a tree: its *path* from the root, without a slash in front, as it is spelled."""

    path: str
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


class FileTree:
    """One tree; use it as a context manager."""

    def __init__(self, root: Path, ignored: IgnorePatterns = NOTHING) -> None:
        self._ignored = ignored
        self._root = os.open(root, DIRECTORY_FLAGS)

    def resolve(self, path: str) -> TreeFile | None:
        """Return what *path* is once its links are followed; None where nothing is."""
        try:
            found = os.fsdecode(path_in_root(self._root, os.fsencode(path)))
            descriptor = open_in_root(self._root, os.fsencode(found), _LOOK)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise from_oserror(error, f"look at {path}") from error
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return None if found and self._is_hidden(found, status) else TreeFile(found, status)

    def is_ignored(self, path: str) -> bool:
        """Whether *path* is there for others, and ignored here."""
        return self._ignored.ignores(path.strip("/"))

    def matches(self, pattern: str) -> list[str]:
        """Return the paths that *pattern* matches, sorted; `*` stays within a name."""
        found = [""]
        for part in [each for each in pattern.split("/") if each not in {"", "."}]:
            found = [each for above in found for each in self._matching(above, part)]
            if len(found) > MAX_FILES:
                raise InvalidInput(f"{pattern!r} matches more than {MAX_FILES} files")
        return [each for each in found if not self._ignored.ignores(each)]

    def _matching(self, above: str, part: str) -> list[str]:
        if not WILDCARDS.search(part):
            path = _joined(above, part)
            return [path] if self._exists(path) else []
        expression = _name_pattern(part)
        try:
            names = self._names(above)
        except OSError:
            return []
        return [_joined(above, name) for name in names if expression.fullmatch(name)]

    def _exists(self, path: str) -> bool:
        try:
            os.close(open_in_root(self._root, os.fsencode(path), _LOOK))
        except OSError:
            return False
        return True

    def walk(self, path: str) -> Iterator[TreeFile]:
        """
        Yield everything below the directory *path*, sorted, directories before what is in them.

        An ignored directory is yielded only where something below it is let back in.
        """
        waiting = [path]
        count = 0
        while waiting:
            directory = waiting.pop()
            below: list[str] = []
            for found in self._listed(directory):
                count += 1
                if count > MAX_FILES:
                    raise InvalidInput(f"more than {MAX_FILES} files are to be copied")
                yield found
                if found.is_directory:
                    below.append(found.path)
            waiting.extend(reversed(below))

    def _listed(self, directory: str) -> Iterator[TreeFile]:
        descriptor = open_in_root(self._root, os.fsencode(directory), DIRECTORY_FLAGS)
        try:
            for name in sorted(os.listdir(descriptor)):
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                path = _joined(directory, name)
                if not self._is_hidden(path, status):
                    yield TreeFile(path, status)
        finally:
            os.close(descriptor)

    def _is_hidden(self, path: str, status: os.stat_result) -> bool:
        if not self._ignored.patterns or not self._ignored.ignores(path):
            return False
        if not stat.S_ISDIR(status.st_mode) or not self._ignored.has_exceptions:
            return True
        return next(self.walk(path), None) is None

    def _names(self, directory: str) -> list[str]:
        descriptor = open_in_root(self._root, os.fsencode(directory), DIRECTORY_FLAGS)
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    @contextmanager
    def opened(self, file: TreeFile) -> Iterator[int]:
        """Open the regular file for reading; raise `InvalidInput` if it is another by now."""
        descriptor = open_in_root(self._root, os.fsencode(file.path), _READ)
        try:
            status = os.fstat(descriptor)
            if (status.st_ino, status.st_size) != (file.status.st_ino, file.status.st_size):
                raise InvalidInput(f"{file.path} was changed while it was copied", field="context")
            yield descriptor
        finally:
            os.close(descriptor)

    def link_target(self, file: TreeFile) -> bytes:
        """Return where the symbolic link points."""
        parent, _, name = file.path.rpartition("/")
        directory = open_in_root(self._root, os.fsencode(parent), DIRECTORY_FLAGS)
        try:
            return os.readlink(os.fsencode(name), dir_fd=directory)
        finally:
            os.close(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._root)


def _joined(above: str, name: str) -> str:
    return f"{above}/{name}" if above else name


def _name_pattern(part: str) -> re.Pattern[str]:
    try:
        return re.compile(expression_of(part), re.DOTALL)
    except re.error as error:
        raise InvalidInput(f"{part!r} is no pattern", field="source") from error
