"""
From what is copied to a layer: the digest by which it is recognised, and the tar of it.

The digest covers paths, kinds, modes, owners, links, attributes and bytes, and no times: a file
that was merely touched is the same one. The tar is the same for the same files and times.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.selection import Placed, iter_placed, joined
from engine.errors import InvalidInput
from engine.layers.entries import NANOSECONDS, Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.build.destination import Destination
    from engine.build.selection import Selected
    from engine.build.steps import CopyStep
    from engine.build.tree import FileTree, TreeFile

CHUNK = 1 << 20
DIRECTORY_MODE = 0o755
FILE_MODE = 0o644
_HIDDEN_XATTRS = ("trusted.", "user.overlay.", "security.selinux", "system.")
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFIFO: Kind.FIFO,
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns what is made."""

    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class CopyRules:
    """
    How files change on their way.

    *owner* None keeps that of the source, which only stages and images have; a build context gives
    everything to root. *mode* None keeps the source's. No time is later than *latest_ns*.
    """

    owner: Owner | None = None
    mode: int | None = None
    latest_ns: int | None = None

    def applied(self, entry: Entry) -> Entry:
        """Return *entry* as it arrives."""
        if self.owner is not None:
            entry = entry._replace(uid=self.owner.uid, gid=self.owner.gid)
        if self.mode is not None and entry.kind is not Kind.SYMLINK:
            entry = entry._replace(mode=self.mode)
        if self.latest_ns is not None and entry.mtime_ns > self.latest_ns:
            entry = entry._replace(mtime_ns=self.latest_ns)
        return entry


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """An entry of the layer to be, and the file of the tree that its content comes from."""

    entry: Entry
    source: TreeFile | None = None
    content: bytes = b""


def copied_files(
    step: CopyStep,
    tree: FileTree,
    selected: Sequence[Selected],
    destination: Destination,
    rules: CopyRules,
) -> list[CopiedFile]:
    """
    Return everything that the layer of *step* holds, in the order of its tar.

    Of two sources that bring the same path, the later one wins. Directories that are made on the
    way belong to the new owner and are as old as the youngest thing in them.
    """
    found: dict[bytes, CopiedFile] = {}
    names: dict[tuple[int, int], bytes] = {}
    for each in selected:
        for placed in (*_parents(each), *iter_placed(step, tree, each)):
            if placed.is_top and destination.is_directory and placed.target == destination.path:
                continue
            copied = _copied(tree, placed, rules, names)
            found[copied.entry.name] = copied
    for copied in _inline(step, destination, rules):
        found[copied.entry.name] = copied
    files = list(found.values())
    return [*_made_directories(files, destination, rules), *files]


def files_of(tree: FileTree, file: TreeFile) -> list[CopiedFile]:
    """Return *file* and all below it, by their paths seen from it."""
    names: dict[tuple[int, int], bytes] = {}
    top = len(file.path) + 1 if file.path else 0
    below = tree.walk(file.path) if file.is_directory else ()
    every = [Placed(file, "."), *(Placed(each, each.path[top:]) for each in below)]
    return [_copied(tree, each, CopyRules(), names) for each in every]


def digest_of(files: Iterable[CopiedFile], tree: FileTree) -> str:
    """Return the digest of what *files* bring, as hexadecimal digits."""
    total = hashlib.sha256(usedforsecurity=False)
    for copied in files:
        total.update(json.dumps(_identity(copied, tree), ensure_ascii=True).encode() + b"\n")
    return total.hexdigest()


def iter_items(
    files: Iterable[CopiedFile], tree: FileTree
) -> Iterator[tuple[Entry, Iterable[bytes]]]:
    """Yield what `render_tar` makes a tar of."""
    for copied in files:
        yield copied.entry, _pieces(copied, tree)


def _parents(selected: Selected) -> list[Placed]:
    return [Placed(file, target) for file, target in selected.parents]


def _copied(
    tree: FileTree, placed: Placed, rules: CopyRules, names: dict[tuple[int, int], bytes]
) -> CopiedFile:
    file, name = placed.file, os.fsencode(placed.target)
    status = file.status
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise InvalidInput(f"{file.path} is a socket, which cannot be copied", field="source")
    identity = (status.st_dev, status.st_ino)
    first = names.setdefault(identity, name) if kind is Kind.FILE and status.st_nlink > 1 else name
    entry = Entry(
        name,
        Kind.HARD_LINK if first != name else kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind is Kind.FILE and first == name else 0,
        mtime_ns=status.st_mtime_ns,
        link=_link(tree, file, kind) if first == name else first,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        xattrs=_xattrs(tree, file) if kind is Kind.FILE else (),
    )
    return CopiedFile(rules.applied(entry), file if entry.kind is Kind.FILE else None)


def _link(tree: FileTree, file: TreeFile, kind: Kind) -> bytes:
    return tree.link_target(file) if kind is Kind.SYMLINK else b""


def _xattrs(tree: FileTree, file: TreeFile) -> tuple[tuple[bytes, bytes], ...]:
    with tree.opened(file) as descriptor:
        try:
            names = os.listxattr(descriptor)
        except OSError:
            return ()
        kept = sorted(name for name in names if not name.startswith(_HIDDEN_XATTRS))
        return tuple((os.fsencode(name), os.getxattr(descriptor, name)) for name in kept)


def _inline(step: CopyStep, destination: Destination, rules: CopyRules) -> Iterator[CopiedFile]:
    is_directory = step.destination.endswith("/") or destination.is_directory
    for name, content in step.inline:
        target = joined(destination.path, name) if is_directory else destination.path
        made = replace(rules, owner=rules.owner or Owner())
        entry = Entry(
            os.fsencode(target),
            Kind.FILE,
            mode=FILE_MODE,
            size=len(content),
            mtime_ns=rules.latest_ns or 0,
        )
        yield CopiedFile(made.applied(entry), content=content)


def _made_directories(
    files: Sequence[CopiedFile], destination: Destination, rules: CopyRules
) -> list[CopiedFile]:
    brought = {copied.entry.name for copied in files}
    missing = [os.fsencode(each) for each in destination.missing]
    if not destination.is_directory and any(
        name.startswith(os.fsencode(destination.path) + b"/") for name in brought
    ):
        missing.append(os.fsencode(destination.path))
    youngest = max((copied.entry.mtime_ns for copied in files), default=0)
    owner = rules.owner or Owner()
    return [
        CopiedFile(
            Entry(
                name,
                Kind.DIRECTORY,
                mode=DIRECTORY_MODE,
                uid=owner.uid,
                gid=owner.gid,
                mtime_ns=youngest // NANOSECONDS * NANOSECONDS,
            )
        )
        for name in missing
        if name and name not in brought
    ]


def _identity(copied: CopiedFile, tree: FileTree) -> list[object]:
    entry = copied.entry
    return [
        entry.name.decode("latin-1"),
        entry.kind.value,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.link.decode("latin-1"),
        entry.device if entry.kind in {Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE} else None,
        [(key.decode("latin-1"), value.hex()) for key, value in entry.xattrs],
        _content_digest(copied, tree) if entry.kind is Kind.FILE else None,
    ]


def _content_digest(copied: CopiedFile, tree: FileTree) -> str:
    hasher = hashlib.sha256(usedforsecurity=False)
    for piece in _pieces(copied, tree):
        hasher.update(piece)
    return hasher.hexdigest()


def _pieces(copied: CopiedFile, tree: FileTree) -> Iterator[bytes]:
    if copied.source is None:
        yield copied.content
        return
    left = copied.entry.size
    with tree.opened(copied.source) as descriptor:
        while left and (piece := os.read(descriptor, min(CHUNK, left))):
            left -= len(piece)
            yield piece
    if left:
        raise InvalidInput(f"{copied.source.path} became shorter while it was copied")
