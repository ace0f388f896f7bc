"""
Sources of ADD that are not in the context: files behind URLs, and git repositories.

Both are brought into a directory of the build first, capped and checked, and copied from there like
everything else.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from engine.errors import DigestMismatch, InvalidInput
from engine.oci.digest import Digest
from engine.system.files import remove_tree
from engine.system.runner import get_program, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.build.steps import CopyStep
    from engine.progress import Cancellation

MAX_DOWNLOAD = 8 << 30
GIT_SECONDS = 600.0
FILE_MODE = 0o600
_URL = re.compile(r"https?://", re.IGNORECASE)
_GIT = re.compile(
    r"(?:git@[\w.-]+:.+|(?:git|ssh)://.+|https?://.+\.git)(?:#.*)?", re.IGNORECASE | re.ASCII
)


class Downloads(Protocol):
    """Brings what a URL names."""

    def open_url(self, url: str, *, cancellation: Cancellation) -> Iterator[bytes]:
        """
        Yield the bytes that *url* names, redirects followed.

        Raises `NotFound` or a kind of `Unavailable`.
        """


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository, what of it is wanted (`reference`), and which directory (`subdirectory`)."""

    repository: str
    reference: str = ""
    subdirectory: str = ""


def is_url(source: str) -> bool:
    """Whether *source* is a file behind a URL."""
    return _URL.match(source) is not None and not is_git(source)


def is_git(source: str) -> bool:
    """Whether *source* is a git repository."""
    return _GIT.fullmatch(source) is not None


def parse_git(source: str) -> GitSource:
    """Return what `repository#reference:subdirectory` spells."""
    repository, _, rest = source.partition("#")
    reference, _, subdirectory = rest.partition(":")
    return GitSource(repository, reference, subdirectory.strip("/"))


def download(
    step: CopyStep, url: str, directory: Path, downloads: Downloads, cancellation: Cancellation
) -> str:
    """
    Bring the file behind *url* into *directory* and return its name there.

    Raises a `DockerfileError` where the step's checksum is another.
    """
    name = unquote(posixpath.basename(urlsplit(url).path)).replace("/", "_") or "index"
    if name in {".", ".."} or "\0" in name:
        raise step.line.error(f"{url[:80]!r} names no file")
    hasher = hashlib.sha256(usedforsecurity=False)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(directory / name, flags, FILE_MODE), "wb") as stream:
        for piece in downloads.open_url(url, cancellation=cancellation):
            cancellation.check()
            hasher.update(piece)
            stream.write(piece)
            if stream.tell() > MAX_DOWNLOAD:
                raise step.line.error(f"{url[:80]!r} is larger than {MAX_DOWNLOAD >> 30} GiB")
    os.utime(directory / name, (0, 0))
    _check(step, Digest(hasher.hexdigest()))
    return name


def _check(step: CopyStep, actual: Digest) -> None:
    if not step.checksum:
        return
    expected = Digest.parse(step.checksum)
    if expected != actual:
        raise step.line.error(DigestMismatch(expected=expected, actual=actual).message)


def clone(step: CopyStep, source: GitSource, directory: Path, cancellation: Cancellation) -> None:
    """
    Bring *source* into *directory*, which git makes, without its history unless it is kept.

    Raises a `DockerfileError` with what git said last.
    """
    for words in git_words(source, directory):
        finished = run(words, timeout=GIT_SECONDS, cancellation=cancellation)
        if finished.code:
            last = (finished.complaint.splitlines() or ["it said nothing"])[-1]
            raise step.line.error(f"git failed: {last[:300]}")
    if not step.keeps_git_directory:
        remove_tree(directory / ".git")


def git_words(source: GitSource, directory: Path) -> list[list[str]]:
    """Return the commands that bring *source* into *directory*; raise `InvalidInput`."""
    if source.reference.startswith("-") or ".." in source.subdirectory.split("/"):
        raise InvalidInput(f"{source.reference[:40]!r} is no reference of a repository")
    git = [get_program("git"), "-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null"]
    commands = [[*git, "clone", "--quiet", "--", source.repository, str(directory)]]
    if source.reference:
        checkout = ["checkout", "--quiet", "--detach", source.reference]
        commands.append([*git, "-C", str(directory), *checkout])
    return commands
