"""
The build context: the files that a build may copy.

It is a directory, or a tar that was sent along. What a build mounts of a tar has to be unpacked for
that; nothing else has.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from engine.build.copying import CopiedFile, entry_of, iter_items
from engine.build.ignore import NOTHING, IgnorePatterns, parse_ignore_file
from engine.build.tartree import TarTree
from engine.build.tree import FileTree
from engine.build.unpacking import Pieces
from engine.dockerfile.parser import MAX_BYTES
from engine.errors import InvalidInput
from engine.layers.apply import apply_layer
from engine.layers.limits import DEFAULT_LIMITS
from engine.layers.tarwriter import render_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine.build.files import Files
    from engine.build.tartree import TarContents

MAX_IGNORE = 1024 * 1024
IGNORE_FILE = ".dockerignore"
WHITEOUT = b".wh."


class BuildContext(Protocol):
    """The files that a build may copy."""

    @property
    def dockerfile(self) -> bytes | None:
        """The content of a Dockerfile that came beside the files, None where it is one of them."""

    def opened(self, ignored: IgnorePatterns = NOTHING) -> AbstractContextManager[Files]:
        """Open the files that are not *ignored*."""

    def directory(self) -> Path:
        """Return a directory that holds the files, to be mounted and not to be written to."""


@dataclass(frozen=True, slots=True)
class DirectoryContext:
    """A context that is the directory *root*."""

    root: Path
    dockerfile: bytes | None = None

    @contextmanager
    def opened(self, ignored: IgnorePatterns = NOTHING) -> Iterator[Files]:
        """See `BuildContext.opened`."""
        with FileTree(self.root, ignored) as tree:
            yield tree

    def directory(self) -> Path:
        """See `BuildContext.directory`."""
        return self.root


@dataclass(frozen=True, slots=True)
class TarContext:
    """
    A context that came as a tar.

    Where it has to be unpacked, *rooms* gives two empty directories: for the files, and for notes.
    """

    contents: TarContents
    rooms: Callable[[], tuple[Path, Path]]
    dockerfile: bytes | None = None
    _guard: Lock = field(default_factory=Lock)
    _unpacked: list[Path] = field(default_factory=list)

    @contextmanager
    def opened(self, ignored: IgnorePatterns = NOTHING) -> Iterator[Files]:
        """See `BuildContext.opened`."""
        yield TarTree(self.contents, ignored)

    def directory(self) -> Path:
        """See `BuildContext.directory`."""
        with self._guard:
            if not self._unpacked:
                self._unpacked.append(self._unpack())
        return self._unpacked[0]

    def _unpack(self) -> Path:
        target, notes = self.rooms()
        tree = TarTree(self.contents)
        names: dict[object, bytes] = {}
        files = [
            entry_of(tree, file, file.path.encode(errors="surrogateescape"), names)
            for file in tree.walk("")
        ]
        kept = [each for each in files if not _is_mark(each)]
        apply_layer(
            Pieces(render_tar(iter_items(kept, tree))),
            target=target,
            notes=notes,
            limits=DEFAULT_LIMITS,
        )
        return target


def _is_mark(copied: CopiedFile) -> bool:
    """Whether unpacking would take the file for a mark of a layer."""
    return any(part.startswith(WHITEOUT) for part in copied.entry.name.split(b"/"))


def read_dockerfile(context: BuildContext, path: str) -> bytes:
    """Return the Dockerfile at *path* in *context*; raise `InvalidInput` where there is none."""
    if context.dockerfile is not None:
        return context.dockerfile
    content = _read(context, path, MAX_BYTES + 1)
    if content is None:
        raise InvalidInput(
            f"Cannot locate specified Dockerfile: {path}",
            field="dockerfile",
            remedy="Name it with --file, or put a file called Dockerfile into the context.",
        )
    return content


def ignored_in(context: BuildContext, dockerfile: str) -> IgnorePatterns:
    """Return what is ignored: by the ignore file of *dockerfile*, else by the general one."""
    for name in (f"{dockerfile}{IGNORE_FILE}", IGNORE_FILE):
        content = _read(context, name, MAX_IGNORE)
        if content is not None:
            return parse_ignore_file(content)
    return NOTHING


def _read(context: BuildContext, path: str, limit: int) -> bytes | None:
    with context.opened() as files:
        found = files.resolve(path)
        if found is None or not found.is_file:
            return None
        with files.opened(found) as stream:
            return stream.read(limit)
