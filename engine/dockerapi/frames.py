"""Output of containers on one connection: a header before each piece says which stream it is of."""

from __future__ import annotations

import struct

STDIN, STDOUT, STDERR = 0, 1, 2
_HEADER = struct.Struct(">BxxxI")
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
RAW = "application/vnd.docker.raw-stream"


def frame(stream: int, content: bytes) -> bytes:
    """Return *content* behind a header of eight bytes: stream, three zeros, length."""
    return _HEADER.pack(stream, len(content)) + content
