"""One copy as a whole: its files and, for ADD, what its archives hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.archives import is_archive, iter_archive
from engine.build.copying import copied_files, digest_of, files_of, iter_items
from engine.build.selection import select
from engine.layers.direct import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.build.copying import CopiedFile, CopyRules
    from engine.build.destination import Destination
    from engine.build.files import Files, Item
    from engine.build.selection import Selected
    from engine.build.steps import CopyStep


@dataclass(frozen=True, slots=True)
class CopyWork:
    """What is copied out of *tree*: *files*, and *archives* whose entries go to *target*."""

    tree: Files
    files: tuple[CopiedFile, ...]
    archives: tuple[Selected, ...]
    target: str
    rules: CopyRules

    def digest(self) -> str:
        """Return the digest of what is copied; of an archive, that of its bytes."""
        total = hashlib.sha256(digest_of(self.files, self.tree).encode())
        for each in self.archives:
            total.update(digest_of(files_of(self.tree, each.file), self.tree).encode())
        return total.hexdigest()

    def items(self) -> Iterator[Item]:
        """Yield what `render_tar` makes a tar of."""
        yield from iter_items(self.files, self.tree)
        for each in self.archives:
            yield from iter_archive(self.tree, each.file, self.target, self.rules)


def copy_of(step: CopyStep, tree: Files, destination: Destination, rules: CopyRules) -> CopyWork:
    """Return what *step* copies out of *tree*; raise a `DockerfileError` for what is not there."""
    selected = select(step, tree, destination)
    is_unpacking = step.is_add and step.unpacks is not False
    archives = tuple(each for each in selected if is_unpacking and is_archive(tree, each.file))
    plain = [each for each in selected if each not in archives]
    files = copied_files(step, tree, plain, destination, rules, unpacks=bool(archives))
    # What an archive says of owners holds, unless the step itself says otherwise.
    unpacking = rules if step.owner else replace(rules, owner=None)
    return CopyWork(tree, tuple(files), archives, destination.path, unpacking)


def are_plain(copies: Sequence[CopyWork]) -> bool:
    """Whether all that *copies* bring is known, and can be written as it is."""
    if any(each.archives for each in copies):
        return False
    return is_plain([file.entry for each in copies for file in each.files])


def digest_of_copies(copies: Sequence[CopyWork]) -> str:
    """Return the digest of all that *copies* bring."""
    return hashlib.sha256("\n".join(each.digest() for each in copies).encode()).hexdigest()


def items_of(copies: Iterable[CopyWork]) -> Iterator[Item]:
    """Yield what `render_tar` makes a tar of, one copy after the other."""
    for each in copies:
        yield from each.items()
