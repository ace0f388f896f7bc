"""The whole log of a container as one text, as far as a download may be large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.logs import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from engine.containers.containers import Containers
    from engine.containers.logs import LogLine

MOST = 512 * 1024 * 1024
PAGE_LINES = 2000


def write_log(
    containers: Containers, container_id: str, out: BinaryIO, *, most: int = MOST
) -> None:
    """
    Write what the container printed into *out*, the oldest first: time, stream and line.

    Of a log of more than *most* bytes the end is written. What is left out, or was rotated away
    while this went on, is said in a line of its own in square brackets.
    """
    cursor, skipped = containers.output(container_id).skip(START, keep_bytes=most)
    if skipped:
        out.write(f"[{skipped} earlier lines are left out: {most} bytes at most]\n".encode())
    room, goes_on = most, False
    while room > 0:
        page = containers.output(container_id).read(cursor, lines=PAGE_LINES)
        if page.has_gap:
            out.write(b"[lines were rotated away while this was written]\n")
        for line in page.lines:
            out.write(b"".join(_pieces(line, goes_on=goes_on)))
            goes_on = line.is_partial
            room -= len(line.content) + 1
        cursor = page.cursor
        if page.is_end:
            return
    out.write(f"[cut here, after {most} bytes: it printed on]\n".encode())


def _pieces(line: LogLine, *, goes_on: bool) -> Iterator[bytes]:
    if not goes_on:
        yield f"{line.time.isoformat()} {line.stream} ".encode()
    yield line.content
    if not line.is_partial:
        yield b"\n"
