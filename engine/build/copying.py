"""
From what is copied to a layer: the digest by which it is recognised, and the tar of it.

The digest covers paths, kinds, modes, owners, links, attributes and bytes, and no times: a file
that was merely touched is the same one. The tar is the same for the same files and times.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.files import joined
from engine.build.selection import Placed, iter_placed
from engine.errors import InvalidInput
from engine.layers.entries import NANOSECONDS, Entry, Kind, printable
from engine.oci.whiteout import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.build.destination import Destination
    from engine.build.files import Files, Item, TreeFile
    from engine.build.selection import Selected
    from engine.build.steps import CopyStep
    from engine.dockerfile.modes import ModeChange

DIRECTORY_MODE = 0o755
FILE_MODE = 0o644
DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})


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
    mode: ModeChange | None = None
    latest_ns: int | None = None

    def applied(self, entry: Entry) -> Entry:
        """Return *entry* as it arrives."""
        if self.owner is not None:
            entry = entry._replace(uid=self.owner.uid, gid=self.owner.gid)
        if self.mode is not None and entry.kind is not Kind.SYMLINK:
            mode = self.mode.applied(entry.mode, is_directory=entry.kind is Kind.DIRECTORY)
            entry = entry._replace(mode=mode)
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
    tree: Files,
    selected: Sequence[Selected],
    destination: Destination,
    rules: CopyRules,
    *,
    unpacks: bool = False,
) -> list[CopiedFile]:
    """
    Return everything that the layer of *step* holds, in the order of its tar.

    Of two sources that bring the same path, the later one wins. Directories that are made on the
    way belong to the new owner and are as old as the youngest thing in them; if something is
    unpacked into the destination, it is one of them. Raises a `DockerfileError` for a name that
    would delete something.
    """
    found: dict[bytes, CopiedFile] = {}
    names: dict[object, bytes] = {}
    for each in selected:
        for placed in (*_parents(each), *iter_placed(step, tree, each)):
            if placed.is_top and destination.is_directory and placed.target == destination.path:
                continue
            copied = _copied(tree, placed, rules, names)
            found[copied.entry.name] = copied
    for copied in _inline(step, destination, rules):
        found[copied.entry.name] = copied
    files = list(found.values())
    every = [*_made_directories(files, destination, rules, unpacks=unpacks), *files]
    _refuse_marks(step, every)
    return every


def _refuse_marks(step: CopyStep, files: Iterable[CopiedFile]) -> None:
    for copied in files:
        name = copied.entry.name
        if PREFIX in name and any(part.startswith(PREFIX) for part in name.split(b"/")):
            raise step.line.error(
                f"/{printable(name)} cannot be in an image: .wh. in front of a name deletes it",
                remedy="Rename it, or leave it out with --exclude or in the .dockerignore.",
            )


def files_of(tree: Files, file: TreeFile) -> list[CopiedFile]:
    """Return *file* and all below it, by their paths seen from it."""
    names: dict[object, bytes] = {}
    top = len(file.path) + 1 if file.path else 0
    below = tree.walk(file.path) if file.is_directory else ()
    every = [Placed(file, "."), *(Placed(each, each.path[top:]) for each in below)]
    return [_copied(tree, each, CopyRules(), names) for each in every]


def digest_of(files: Iterable[CopiedFile], tree: Files) -> str:
    """Return the digest of what *files* bring, as hexadecimal digits."""
    total = hashlib.sha256(usedforsecurity=False)
    for copied in files:
        total.update(json.dumps(_identity(copied, tree), ensure_ascii=True).encode() + b"\n")
    return total.hexdigest()


def iter_items(files: Iterable[CopiedFile], tree: Files) -> Iterator[Item]:
    """Yield what `render_tar` makes a tar of."""
    for copied in files:
        yield copied.entry, _pieces(copied, tree)


def _parents(selected: Selected) -> list[Placed]:
    return [Placed(file, target) for file, target in selected.parents]


def _copied(
    tree: Files, placed: Placed, rules: CopyRules, names: dict[object, bytes]
) -> CopiedFile:
    copied = entry_of(tree, placed.file, os.fsencode(placed.target), names)
    return replace(copied, entry=rules.applied(copied.entry))


def entry_of(tree: Files, file: TreeFile, name: bytes, names: dict[object, bytes]) -> CopiedFile:
    """
    Return *file* as an entry called *name*.

    *names* are the first names of files with several, and grow; a further name becomes a link.
    """
    if file.kind is None:
        raise InvalidInput(f"{file.path} is a socket, which cannot be copied", field="source")
    first = name if file.identity is None else names.setdefault(file.identity, name)
    entry = Entry(
        name,
        file.kind,
        mode=file.mode,
        uid=file.uid,
        gid=file.gid,
        size=file.size,
        mtime_ns=file.mtime_ns,
        link=file.link,
        device=file.device if file.kind in DEVICES else (0, 0),
        xattrs=tree.xattrs(file) if file.is_file else (),
    )
    if first != name:
        entry = entry._replace(kind=Kind.HARD_LINK, size=0, link=first, xattrs=())
    return CopiedFile(entry, file if entry.kind is Kind.FILE else None)


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
    files: Sequence[CopiedFile], destination: Destination, rules: CopyRules, *, unpacks: bool
) -> list[CopiedFile]:
    brought = {copied.entry.name for copied in files}
    missing = [os.fsencode(each) for each in destination.missing]
    if not destination.is_directory and (
        unpacks or any(name.startswith(os.fsencode(destination.path) + b"/") for name in brought)
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


def _identity(copied: CopiedFile, tree: Files) -> list[object]:
    entry = copied.entry
    return [
        entry.name.decode("latin-1"),
        entry.kind.value,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.link.decode("latin-1"),
        entry.device if entry.kind in DEVICES else None,
        [(key.decode("latin-1"), value.hex()) for key, value in entry.xattrs],
        _content_digest(copied, tree) if entry.kind is Kind.FILE else None,
    ]


def _content_digest(copied: CopiedFile, tree: Files) -> str:
    if copied.source is None:
        return hashlib.sha256(copied.content, usedforsecurity=False).hexdigest()
    return tree.digest(copied.source)


def _pieces(copied: CopiedFile, tree: Files) -> Iterator[bytes]:
    return iter((copied.content,)) if copied.source is None else tree.iter_content(copied.source)
