"""
The init program that `--init` puts before a container's own.

It comes from the host and runs in the container, whose libraries are others or none: so it has to
be linked statically.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.system.runner import find_program

if TYPE_CHECKING:
    from collections.abc import Callable

CANDIDATES = ("docker-init", "tini-static", "catatonit", "tini")
_INTERPRETER = 3  # PT_INTERP of elf(5)


def find_init(find: Callable[[str], str | None] = find_program) -> Path:
    """Return a static init program of this host; raise `InvalidSetting` where there is none."""
    for name in CANDIDATES:
        path = find(name)
        if path is not None and is_static(Path(path)):
            return Path(path)
    raise InvalidSetting(
        "init", "this host has no init program", remedy="Install one: apt-get install tini"
    )


def is_static(path: Path) -> bool:
    """Whether *path* is a 64-bit program that needs no loader (elf(5))."""
    with path.open("rb") as stream:
        header = stream.read(64)
        if header[:5] != b"\x7fELF\x02" or len(header) < 64:
            return False
        offset = struct.unpack_from("<Q", header, 32)[0]
        size, count = struct.unpack_from("<HH", header, 54)
        stream.seek(offset)
        table = stream.read(size * count)
    kinds = (struct.unpack_from("<I", table, at)[0] for at in range(0, len(table), size or 1))
    return _INTERPRETER not in kinds
