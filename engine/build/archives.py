"""Archives that ADD unpacks: tars, packed or not, told by their bytes and never by their names."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.build.unpacking import Unpacked, iter_file
from engine.errors import InvalidLayer, UnsafePath
from engine.layers.entries import Kind, normalise
from engine.layers.limits import DEFAULT_LIMITS
from engine.layers.tarstream import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.build.copying import CopyRules
    from engine.build.files import Files, Item, TreeFile

BLOCK = 512
_MAGIC = slice(257, 262)
_DAMAGE = (OSError, InvalidLayer)


def is_archive(tree: Files, file: TreeFile) -> bool:
    """Whether *file* is a tar, packed or not: its beginning can be read as one."""
    if not file.is_file or not file.size:
        return False
    try:
        with opened(tree, file) as stream:
            head = _head(stream)
    except _DAMAGE:
        return False
    return len(head) == BLOCK and head[_MAGIC] == b"ustar"


def _head(stream: Unpacked) -> bytes:
    """Return the first block; a read may give less than was asked for."""
    head = b""
    while len(head) < BLOCK and (piece := stream.read(BLOCK - len(head))):
        head += piece
    return head


@contextmanager
def opened(tree: Files, file: TreeFile) -> Iterator[Unpacked]:
    """Open the unpacked bytes of *file*."""
    with tree.opened(file) as packed:
        yield Unpacked(packed)


def iter_archive(tree: Files, file: TreeFile, target: str, rules: CopyRules) -> Iterator[Item]:
    """
    Yield the entries of the archive *file*, moved below *target*, with the bytes of each.

    Owners are those of the archive unless *rules* say otherwise. Raises `UnsafePath` for names that
    climb, and `InvalidLayer` for damage.
    """
    prefix = os.fsencode(target) + b"/" if target else b""
    with opened(tree, file) as stream:
        reader = TarReader(stream.read, DEFAULT_LIMITS)
        for entry in reader:
            name = _safe(entry.name)
            if not name:
                continue
            moved = entry._replace(name=prefix + name, segments=None)
            if entry.kind is Kind.HARD_LINK:
                moved = moved._replace(link=prefix + _safe(entry.link))
            yield rules.applied(moved), iter_file(reader, entry)


def _safe(name: bytes) -> bytes:
    # As other builders do: a name that begins with a slash is seen from where it is unpacked.
    cleaned = normalise(name.lstrip(b"/"))
    if any(part.startswith(b".wh.") for part in cleaned.split(b"/")):
        raise UnsafePath(os.fsdecode(name), "its name would delete something in a layer")
    return cleaned
