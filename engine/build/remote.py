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
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from engine.errors import DigestMismatch, InvalidInput
from engine.oci.digest import Digest
from engine.system.removal import remove_tree
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
    complaint = bring_git(source, directory, cancellation)
    if complaint:
        raise step.line.error(complaint)
    if not step.keeps_git_directory:
        remove_tree(directory / ".git")


def bring_git(source: GitSource, directory: Path, cancellation: Cancellation) -> str:
    """
    Bring *source* into *directory*, which git makes; return what is wrong where that fails.

    Raises `InvalidInput` for a reference or a directory that cannot be one.
    """
    if source.reference.startswith("-"):
        raise InvalidInput(f"{source.reference[:40]!r} is no reference of a repository")
    if ".." in source.subdirectory.split("/"):
        raise InvalidInput(f"{source.subdirectory[:80]!r} is no directory of the repository")
    git = _Git(directory, cancellation)
    try:
        git.run("clone", "--quiet", "--", source.repository, str(directory))
        if source.reference:
            git.inside("checkout", "--quiet", "--detach", git.commit_of(source.reference))
    except _GitFailed as failed:
        return f"git failed: {str(failed)[:300]}"
    return ""


class _GitFailed(Exception):
    """What git said last."""


@dataclass(frozen=True, slots=True)
class _Git:
    """Speaks to git about the repository in *directory*."""

    directory: Path
    cancellation: Cancellation

    def run(self, *words: str) -> None:
        """Run git; raise `_GitFailed` if it fails."""
        settings = ("-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null")
        command = [get_program("git"), *settings, *words]
        finished = run(command, timeout=GIT_SECONDS, cancellation=self.cancellation)
        if finished.code:
            raise _GitFailed((finished.complaint.splitlines() or ["it said nothing"])[-1])

    def inside(self, *words: str) -> None:
        """Run git in the repository."""
        self.run("-C", str(self.directory), *words)

    def commit_of(self, reference: str) -> str:
        """Return how the commit is called here that *reference* names there, fetched if need be."""
        for name in (f"refs/tags/{reference}", f"refs/remotes/origin/{reference}", reference):
            with suppress(_GitFailed):
                self.inside("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
                return name
        self.inside("fetch", "--quiet", "origin", reference)
        return "FETCH_HEAD"
