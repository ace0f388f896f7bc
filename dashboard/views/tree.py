"""A list of changed paths as the tree that a page draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Trees smaller than this are shown whole.
OPEN_BELOW = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs from the image: `A`dded, `C`hanged or `D`eleted."""

    kind: str
    path: str
    size: int = 0
    is_directory: bool = False


@dataclass(slots=True)
class Node:
    """A file or a directory in the tree. `name` may join several directories with one entry."""

    name: str
    path: str
    kind: str = ""
    size: int = 0
    is_directory: bool = True
    is_open: bool = False
    count: int = 0
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was changed: files, not directories that only hold them."""

    added: int
    changed: int
    deleted: int
    bytes: int


def changes_tree(changes: Iterable[Change]) -> list[Node]:
    """Return the top of the tree of *changes*, each directory with its bytes and its count."""
    top = Node("", "/")
    known = {"": top}
    found = list(changes)
    for change in found:
        node = _ensure(known, change.path)
        node.kind, node.size = change.kind, change.size
        node.is_directory = change.is_directory
    _add_up(top)
    for child in top.children:
        _settle(child, is_open=len(found) < OPEN_BELOW)
    return top.children


def summary_of(changes: Iterable[Change]) -> Summary:
    """Return how much *changes* are; a directory that was only changed is not counted."""
    counted = [each for each in changes if not (each.is_directory and each.kind == "C")]
    kinds = [each.kind for each in counted]
    total = sum(each.size for each in counted)
    return Summary(kinds.count("A"), kinds.count("C"), kinds.count("D"), total)


def _ensure(known: dict[str, Node], path: str) -> Node:
    path = path.rstrip("/")
    if path in known:
        return known[path]
    parent = _ensure(known, path.rpartition("/")[0])
    known[path] = Node(path.rpartition("/")[2], path)
    parent.children.append(known[path])
    return known[path]


def _add_up(node: Node) -> None:
    # Deep trees are as deep as paths are long, which recursion bears.
    for child in node.children:
        _add_up(child)
    node.children.sort(key=lambda each: (not each.is_directory, each.name))
    own = 0 if node.is_directory and node.kind == "C" else 1 if node.kind else 0
    node.size += sum(child.size for child in node.children)
    node.count = own + sum(child.count for child in node.children)


def _settle(node: Node, *, is_open: bool) -> None:
    node.is_open = is_open
    while _only_holds_one(node):
        (child,) = node.children
        node.name, node.path = f"{node.name}/{child.name}", child.path
        node.kind, node.children = child.kind, child.children
    for child in node.children:
        _settle(child, is_open=is_open)


def _only_holds_one(node: Node) -> bool:
    alone = len(node.children) == 1 and node.children[0].is_directory
    return alone and node.is_directory and node.kind in {"", "C"}
