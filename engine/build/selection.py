"""What a copy means: which files of a tree go to which paths of the image."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.build.files import WILDCARDS, TreeFile, cleaned, joined
from engine.build.remote import is_git, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.build.destination import Destination
    from engine.build.files import Files
    from engine.build.steps import CopyStep
    from engine.errors import DockerfileError

PIVOT = "/./"


@dataclass(frozen=True, slots=True)
class Selected:
    """
    One source: *file* goes to *target*, a path of the image without a slash in front.

    Of a directory it is the content that goes there. *parents* are directories of the tree that
    become directories of the image above it, with `--parents`.
    """

    file: TreeFile
    target: str
    parents: tuple[tuple[TreeFile, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A file and the path it gets; *is_top* for a directory whose content is what is copied."""

    file: TreeFile
    target: str
    is_top: bool = False


def select(step: CopyStep, tree: Files, destination: Destination) -> tuple[Selected, ...]:
    """Return what *step* copies out of *tree*; raise a `DockerfileError` for what is not there."""
    spelled = [each for source in step.sources for each in _spelled(tree, source)]
    if step.sources and not spelled:
        raise _missing(step, tree, step.sources[0])
    found = [(name, _found(step, tree, name)) for name in spelled]
    is_several = len(found) + len(step.inline) > 1
    if is_several and not is_directory_target(step, destination):
        raise step.line.error(
            f"When using {step.line.keyword} with more than one source file, "
            "the destination must be a directory and end with a /"
        )
    _refuse_to_replace(step, destination, [file for _, file in found])
    return tuple(_placed(step, tree, destination, name, file) for name, file in found)


def _refuse_to_replace(step: CopyStep, destination: Destination, files: Sequence[TreeFile]) -> None:
    """Raise where a file stands at the destination and a directory would have to."""
    if destination.mode is None or destination.is_directory:
        return
    if step.destination.endswith("/") or any(file.is_directory for file in files):
        raise step.line.error(f"/{destination.path} of the image is not a directory")


def is_directory_target(step: CopyStep, destination: Destination) -> bool:
    """Whether files are copied into the destination instead of becoming it."""
    return step.destination.endswith("/") or destination.is_directory or step.keeps_parents


def iter_placed(step: CopyStep, tree: Files, selected: Selected) -> Iterator[Placed]:
    """Yield what one source brings, directories before what is in them."""
    if not selected.file.is_directory:
        if not step.ignored.ignores(posixpath.basename(selected.target)):
            yield Placed(selected.file, selected.target)
        return
    yield Placed(selected.file, selected.target, is_top=True)
    top = len(selected.file.path) + 1 if selected.file.path else 0
    for found in tree.walk(selected.file.path):
        below = found.path[top:]
        if not step.ignored.ignores(below):
            yield Placed(found, joined(selected.target, below))


def _spelled(tree: Files, source: str) -> list[str]:
    """Return the paths that *source* means: of a pattern, those that match it, perhaps none."""
    if not WILDCARDS.search(source):
        return [source]
    before, pivot, after = source.partition(PIVOT)
    matches = tree.matches(cleaned(f"{before}/{after}" if pivot else source))
    depth = len([part for part in before.split("/") if part not in {"", "."}]) if pivot else 0
    return [_with_pivot(each, depth) if pivot else each for each in matches]


def _with_pivot(path: str, depth: int) -> str:
    parts = path.split("/")
    return "/".join(parts[:depth]) + PIVOT + "/".join(parts[depth:])


def _found(step: CopyStep, tree: Files, name: str) -> TreeFile:
    found = tree.resolve(name)
    if found is None:
        raise _missing(step, tree, name)
    return found


def _missing(step: CopyStep, tree: Files, source: str) -> DockerfileError:
    shown = "/" + source.lstrip("/")
    place = "the build context" if step.origin is None else f"{step.origin}"
    remedy = ""
    if tree.is_ignored(cleaned(source)):
        remedy = "It is excluded by the ignore file."
    if WILDCARDS.search(source):
        remedy = "No file matches the pattern."
    if is_url(source) or is_git(source):
        reason, remedy = "source can't be a URL for COPY", "Write ADD, which fetches it."
        return step.line.error(reason, remedy=remedy)
    return step.line.error(f'"{shown}" was not found in {place}', remedy=remedy)


def _placed(
    step: CopyStep, tree: Files, destination: Destination, name: str, file: TreeFile
) -> Selected:
    if step.keeps_parents:
        return _below_parents(tree, destination, name, file)
    if not file.is_directory and is_directory_target(step, destination):
        base = posixpath.basename(posixpath.normpath(name)) or posixpath.basename(file.path)
        return Selected(file, joined(destination.path, base))
    return Selected(file, destination.path)


def _below_parents(tree: Files, destination: Destination, name: str, file: TreeFile) -> Selected:
    above, pivot, kept = name.partition(PIVOT)
    kept = cleaned(kept if pivot else name)
    prefix = cleaned(above) if pivot else ""
    parents = []
    parts = [part for part in kept.split("/") if part not in {".", ".."}]
    for count in range(1, len(parts)):
        path = "/".join(parts[:count])
        found = tree.resolve(joined(prefix, path))
        if found is not None:
            parents.append((found, joined(destination.path, path)))
    return Selected(file, joined(destination.path, "/".join(parts)), tuple(parents))
