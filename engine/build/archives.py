"""Archives that ADD unpacks: tars, packed or not, told by their bytes and never by their names."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.build.unpacking import Unpacked
from engine.errors import InvalidLayer, UnsafePath
from engine.layers.entries import Kind, normalise
from engine.layers.limits import DEFAULT_LIMITS
from engine.layers.tarstream import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.build.copying import CopyRules
    from engine.build.tree import FileTree, TreeFile
    from engine.layers.entries import Entry

BLOCK = 512
_MAGIC = slice(257, 262)
_DAMAGE = (OSError, InvalidLayer)


def is_archive(tree: FileTree, file: TreeFile) -> bool:
    """Whether *file* is a tar, packed or not: its beginning can be read as one."""
    if not file.is_file or not file.status.st_size:
        return False
    try:
        with opened(tree, file) as stream:
            head = stream.read(BLOCK)
    except _DAMAGE:
        return False
    return len(head) == BLOCK and head[_MAGIC] == b"ustar"


@contextmanager
def opened(tree: FileTree, file: TreeFile) -> Iterator[Unpacked]:
    """Open the unpacked bytes of *file*."""
    with tree.opened(file) as descriptor, io.FileIO(os.dup(descriptor)) as raw:
        yield Unpacked(cast("BinaryIO", raw))


def iter_archive(
    tree: FileTree, file: TreeFile, target: str, rules: CopyRules
) -> Iterator[tuple[Entry, Iterable[bytes]]]:
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
            yield rules.applied(moved), _body(reader, entry)


def _safe(name: bytes) -> bytes:
    # As other builders do: a name that begins with a slash is seen from where it is unpacked.
    cleaned = normalise(name.lstrip(b"/"))
    if any(part.startswith(b".wh.") for part in cleaned.split(b"/")):
        raise UnsafePath(os.fsdecode(name), "its name would delete something in a layer")
    return cleaned


def _body(reader: TarReader, entry: Entry) -> Iterator[bytes]:
    if entry.kind is not Kind.FILE:
        return
    if entry.segments is None:
        yield from map(bytes, reader.iter_body())
        return
    at = 0
    for offset, length in entry.segments:
        yield from _zeros(offset - at)
        yield from map(bytes, reader.iter_body(length))
        at = offset + length
    yield from _zeros(entry.size - at)


def _zeros(count: int) -> Iterator[bytes]:
    chunk = bytes(min(count, 1 << 20))
    while count > 0:
        yield chunk[:count]
        count -= len(chunk)
