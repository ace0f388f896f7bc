"""The small files through which the kernel tells things: read once, bounded, or not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READ_LIMIT = 256 * 1024


def read_small(path: Path) -> str:
    """Return the beginning of a file of the kernel's; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, READ_LIMIT).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
