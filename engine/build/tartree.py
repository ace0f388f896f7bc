"""
A tar as the files that copies come from, without unpacking it.

Its contents go to a file without a name, one after the other, and are hashed as they come; where
each begins is remembered. So a context is looked at as soon as it is here, a copy reads each file
once, and nothing of a hostile tar is ever made on the disk.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from engine.build.files import TreeFile, is_hidden, joined, matching, walking
from engine.build.ignore import NOTHING, IgnorePatterns
from engine.build.unpacking import iter_file
from engine.errors import InvalidLayer
from engine.layers.entries import Kind, normalise, printable
from engine.layers.tarstream import TarReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.images.spool import Spool
    from engine.layers.entries import Entry
    from engine.layers.limits import Limits
    from engine.progress import Cancellation

MAX_LINKS = 255
CHUNK = 1 << 20
CAPABILITY = b"security.capability"
USER = b"user."
OVERLAY = b"user.overlay."
ROOT = TreeFile("", Kind.DIRECTORY, mode=0o755)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Where the bytes of a file begin in the spool, their digest, and its attributes."""

    start: int
    digest: str
    xattrs: tuple[tuple[bytes, bytes], ...]


class TarContents:
    """What a tar holds: read it once with `read_tar`, and look at it through a `TarTree`."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.files: dict[str, TreeFile] = {"": ROOT}
        self.stored: dict[str, _Stored] = {}
        self.children: dict[str, set[str]] = {"": set()}

    def add(self, entry: Entry, body: Iterable[bytes]) -> None:
        """Take over one entry; a later one of the same name takes the place of the first."""
        path = os.fsdecode(normalise(entry.name.lstrip(b"/")))
        if not path:
            return
        self._make_parents(path)
        if entry.kind is Kind.HARD_LINK:
            self._add_link(path, entry)
            return
        file = TreeFile(
            path,
            entry.kind,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            size=entry.size if entry.kind is Kind.FILE else 0,
            mtime_ns=entry.mtime_ns,
            device=entry.device,
            link=entry.link,
        )
        if entry.kind is Kind.FILE:
            self.stored[path] = self._store(body, entry)
        self._put(file)

    def _add_link(self, path: str, entry: Entry) -> None:
        target = os.fsdecode(normalise(entry.link.lstrip(b"/")))
        found = self.files.get(target)
        if found is None or not found.is_file:
            raise InvalidLayer("a hard link leads nowhere", entry=printable(entry.name))
        identity = found.identity or ("name", target)
        self.files[target] = replace(found, identity=identity)
        self.stored[path] = self.stored[target]
        self._put(replace(found, path=path, identity=identity))

    def _put(self, file: TreeFile) -> None:
        before = self.files.get(file.path)
        if before is not None and before.is_directory and not file.is_directory:
            self._drop(file.path)
        self.files[file.path] = file
        parent, _, name = file.path.rpartition("/")
        self.children[parent].add(name)
        if file.is_directory:
            self.children.setdefault(file.path, set())

    def _drop(self, path: str) -> None:
        waiting = [path]
        while waiting:
            above = waiting.pop()
            for name in self.children.pop(above, set()):
                waiting.append(joined(above, name))
                self.files.pop(joined(above, name), None)

    def _make_parents(self, path: str) -> None:
        missing = []
        while (path := path.rpartition("/")[0]) and path not in self.children:
            missing.append(path)
        # Without recursion: a name may have two thousand parts.
        for parent in reversed(missing):
            self._put(TreeFile(parent, Kind.DIRECTORY, mode=0o755))

    def _store(self, body: Iterable[bytes], entry: Entry) -> _Stored:
        start = self.spool.size
        hasher = hashlib.sha256(usedforsecurity=False)
        for piece in body:
            hasher.update(piece)
            self.spool.write(piece)
        return _Stored(start, hasher.hexdigest(), _kept(entry.xattrs))


def read_tar(
    read: Callable[[int], bytes], spool: Spool, *, limits: Limits, cancellation: Cancellation
) -> TarContents:
    """
    Return what the tar that *read* gives holds; its bytes are in *spool* then.

    Raises `InvalidLayer`, `UnsafePath` or `LimitExceeded`.
    """
    contents = TarContents(spool)
    reader = TarReader(read, limits)
    for entry in reader:
        cancellation.check()
        contents.add(entry, iter_file(reader, entry))
        limits.check("the build context", spool.size, limits.unpacked_bytes)
    return contents


class TarTree:
    """`Files` in a tar that was read."""

    def __init__(self, contents: TarContents, ignored: IgnorePatterns = NOTHING) -> None:
        self._contents = contents
        self._ignored = ignored

    def resolve(self, path: str) -> TreeFile | None:
        """See `Files.resolve`."""
        found = self._followed(path)
        if found is None or is_hidden(found, self._listed, self._ignored):
            return None
        return found

    def is_ignored(self, path: str) -> bool:
        """See `Files.is_ignored`."""
        return self._ignored.ignores(path.strip("/"))

    def matches(self, pattern: str) -> list[str]:
        """See `Files.matches`."""
        return matching(self, pattern, self._ignored)

    def walk(self, path: str) -> Iterator[TreeFile]:
        """See `Files.walk`."""
        return walking(path, self._listed, self._ignored)

    def exists(self, path: str) -> bool:
        """See `Listing.exists`."""
        parent, _, name = path.rpartition("/")
        above = self._followed(parent)
        return above is not None and name in self._contents.children.get(above.path, ())

    def names(self, directory: str) -> list[str]:
        """See `Listing.names`."""
        found = self._followed(directory)
        return sorted(self._contents.children.get(found.path, ())) if found else []

    def iter_content(self, file: TreeFile) -> Iterator[bytes]:
        """See `Files.iter_content`."""
        with self.opened(file) as stream:
            while piece := stream.read(CHUNK):
                yield piece

    def digest(self, file: TreeFile) -> str:
        """See `Files.digest`; it was made as the bytes came."""
        return self._contents.stored[file.path].digest

    def xattrs(self, file: TreeFile) -> tuple[tuple[bytes, bytes], ...]:
        """See `Files.xattrs`."""
        return self._contents.stored[file.path].xattrs

    @contextmanager
    def opened(self, file: TreeFile) -> Iterator[BinaryIO]:
        """See `Files.opened`."""
        stored = self._contents.stored[file.path]
        with self._contents.spool.open(stored.start, file.size) as stream:
            yield stream

    def _listed(self, directory: str) -> Iterator[TreeFile]:
        for name in sorted(self._contents.children.get(directory, ())):
            yield self._contents.files[joined(directory, name)]

    def _followed(self, path: str) -> TreeFile | None:
        """Return what *path* is once its links are followed, inside the tar."""
        waiting = _parts(path)
        here: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                here[-1:] = []
                continue
            found = self._contents.files.get("/".join([*here, part]))
            if found is None:
                return None
            if found.kind is not Kind.SYMLINK:
                here.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                return None
            target = os.fsdecode(found.link)
            if target.startswith("/"):
                here.clear()
            waiting += _parts(target)
        return self._contents.files["/".join(here)]


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]


def _kept(xattrs: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        sorted(
            (key, value)
            for key, value in xattrs
            if key == CAPABILITY or (key.startswith(USER) and not key.startswith(OVERLAY))
        )
    )
