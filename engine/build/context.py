"""
The build context: the files that a build may copy.

A directory with an ignore file. Where the context came as something else (a tar, a git repository,
one Dockerfile) it was made a directory first, by `engine.build.intake`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.build.ignore import NOTHING, IgnorePatterns, parse_ignore_file
from engine.build.tree import FileTree
from engine.dockerfile.parser import MAX_BYTES
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

MAX_IGNORE = 1024 * 1024
IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True, slots=True)
class BuildContext:
    """
    A directory to copy from.

    *dockerfile* is the content of a Dockerfile that is not in the directory, None where it is.
    """

    root: Path
    dockerfile: bytes | None = None

    def read_dockerfile(self, path: str) -> bytes:
        """Return the Dockerfile at *path*; raise `InvalidInput` where there is none."""
        if self.dockerfile is not None:
            return self.dockerfile
        content = self._read(path, MAX_BYTES + 1)
        if content is None:
            raise InvalidInput(
                f"Cannot locate specified Dockerfile: {path}",
                field="dockerfile",
                remedy="Name it with --file, or put a file called Dockerfile into the context.",
            )
        return content

    def ignored(self, dockerfile: str) -> IgnorePatterns:
        """Return what is ignored: by the ignore file of *dockerfile*, else by the general one."""
        for name in (f"{dockerfile}{IGNORE_FILE}", IGNORE_FILE):
            content = self._read(name, MAX_IGNORE)
            if content is not None:
                return parse_ignore_file(content)
        return NOTHING

    def _read(self, path: str, limit: int) -> bytes | None:
        with FileTree(self.root) as tree:
            found = tree.resolve(path)
            if found is None or not found.is_file:
                return None
            with tree.opened(found) as descriptor:
                return _read_all(descriptor, limit)


def _read_all(descriptor: int, limit: int) -> bytes:
    content = b""
    while len(content) < limit and (piece := os.read(descriptor, limit - len(content))):
        content += piece
    return content
