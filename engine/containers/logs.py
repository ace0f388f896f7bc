"""
Reading what containers printed.

The monitor writes one line for each piece of output: time, stream, `F` for the end of a line or `P`
for a part of one, and the bytes. A cursor is a place between two such pieces, so a reader can stop
anywhere, keep the cursor as text and go on in another process; every byte comes once and in order.
Nothing is held in memory but one page.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from engine.errors import InvalidSetting
from engine.oci.timestamps import EPOCH, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

LINES = 500
BYTES = 256 * 1024
# The monitor cuts output into pieces of 8 KiB; a line of the file that is longer is damage.
MAX_RECORD = 64 * 1024
MAX_LINE = 64 * 1024
MAX_CURSOR = 60
BLOCK = 64 * 1024
MAX_BACKWARDS = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that was printed, without its end; *is_partial* when more of it follows."""

    time: datetime
    stream: str
    content: bytes
    is_partial: bool = False

    @property
    def text(self) -> str:
        """The content as text; bytes that are no UTF-8 are replaced."""
        return self.content.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class LogCursor:
    """A place in a log: *offset* bytes into the file *file*."""

    file: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor that `str` wrote."""
        file, _, offset = text.partition(":")
        if not (
            text.isascii() and file.isdecimal() and offset.isdecimal() and len(text) < MAX_CURSOR
        ):
            raise InvalidSetting("cursor", f"{text[:60]!r} is no place in a log")
        return cls(int(file), int(offset))

    def __str__(self) -> str:
        return f"{self.file}:{self.offset}"


START = LogCursor()
# Of a line that was cut by the end of a page, not of the log, the rest is there already.
ALWAYS_GROWING = EPOCH - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LogPage:
    """
    Some lines, and where to go on.

    *is_end*: nothing more was there at this moment; *behind* is how many bytes of the log follow.
    *has_gap*: what stood between the last page and this one was rotated away.
    """

    lines: tuple[LogLine, ...]
    cursor: LogCursor
    is_end: bool
    behind: int = 0
    has_gap: bool = False


class LogFile:
    """One file of a log, read only; cursors name it by *number*, or by what the disk calls it."""

    def __init__(self, path: Path, *, number: int = 0) -> None:
        self._path = path
        self._number = number

    def read(
        self,
        cursor: LogCursor = START,
        *,
        lines: int = LINES,
        limit_bytes: int = BYTES,
        growing_since: datetime | None = None,
    ) -> LogPage:
        """
        Return at most *lines* lines from *cursor* on, of about *limit_bytes* together.

        A last line that has no end yet and was begun after *growing_since* is left for later: what
        was printed in one go may be written in two.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return LogPage((), cursor, is_end=True)
        try:
            name = self._number or os.fstat(descriptor).st_ino
            return _read_page(descriptor, name, cursor, (lines, limit_bytes), growing_since)
        finally:
            os.close(descriptor)

    def tail(self, lines: int) -> LogCursor:
        """Return the place from which *lines* whole lines follow; the start if there are fewer."""
        return self.tail_counted(lines)[0]

    def tail_counted(self, lines: int) -> tuple[LogCursor, int]:
        """Return the place from which *lines* lines follow, and how many really do."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return START, 0
        try:
            status = os.fstat(descriptor)
            offset, found = _tail_offset(descriptor, status.st_size, lines)
            return LogCursor(self._number or status.st_ino, offset), found
        finally:
            os.close(descriptor)

    def skip(self, cursor: LogCursor, *, keep_bytes: int) -> tuple[LogCursor, int]:
        """
        Return a place at most *keep_bytes* before the end, and how many whole lines were skipped.

        Where *cursor* is that near already, it is returned with 0.
        """
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return cursor, 0
        with stream:
            status = os.fstat(stream.fileno())
            name = self._number or status.st_ino
            begin = cursor.offset if cursor.file == name else 0
            if status.st_size - begin <= keep_bytes:
                return cursor, 0
            stream.seek(begin)
            skipped = 0
            while status.st_size - begin > keep_bytes and (line := stream.readline(MAX_RECORD)):
                begin += len(line)
                skipped += _ends_line(line)
            return LogCursor(name, begin), skipped


def _read_page(
    descriptor: int,
    name: int,
    cursor: LogCursor,
    limits: tuple[int, int],
    growing_since: datetime | None,
) -> LogPage:
    status = os.fstat(descriptor)
    # Another file, or a shorter one, is what follows a rotation.
    is_same = cursor.file == name and cursor.offset <= status.st_size
    offset = cursor.offset if is_same else 0
    content = os.pread(descriptor, max(limits[1], MAX_RECORD), offset)
    parsed = _parse(content, limits[0])
    # What remains can then only be the beginning of a record whose end is not written yet.
    is_end = offset + len(content) >= status.st_size and content.find(b"\n", parsed.taken) < 0
    if parsed.goes_on(growing_since if is_end else ALWAYS_GROWING):
        parsed = parsed.without_last()
    return LogPage(
        lines=tuple(parsed.lines),
        cursor=LogCursor(name, offset + parsed.taken),
        is_end=is_end,
        behind=max(0, status.st_size - offset - parsed.taken),
        has_gap=not is_same and cursor.file != 0,
    )


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Lines, how many bytes they took, and where the last of them begins."""

    lines: list[LogLine]
    taken: int
    last: int

    def goes_on(self, growing_since: datetime | None) -> bool:
        """Whether the last line is one to wait for; one that fills a page by itself is not."""
        if growing_since is None or not self.lines or not self.lines[-1].is_partial:
            return False
        is_alone = len(self.lines) == 1 and growing_since is ALWAYS_GROWING
        return not is_alone and self.lines[-1].time > growing_since

    def without_last(self) -> _Parsed:
        return _Parsed(self.lines[:-1], self.last, self.last)


def _parse(content: bytes, limit: int) -> _Parsed:
    """Return the lines in *content*, at most *limit*."""
    joined: list[LogLine] = []
    taken = last = 0
    while (end := _record_end(content, taken)) is not None:
        line = _parse_record(content[taken:end].removesuffix(b"\n"))
        if _joins(joined, line):
            joined[-1] = _join(joined[-1], line)
        elif len(joined) < limit:
            joined.append(line)
            last = taken
        else:
            break
        taken = end
    return _Parsed(joined, taken, last)


def _record_end(content: bytes, begin: int) -> int | None:
    """Return where the record at *begin* ends, its newline included; None if it is not whole."""
    end = content.find(b"\n", begin, begin + MAX_RECORD) + 1
    if end:
        return end
    return begin + MAX_RECORD if len(content) - begin >= MAX_RECORD else None


def _parse_record(record: bytes) -> LogLine:
    fields = record.split(b" ", 3)
    time = _parse_time(fields[0]) if len(fields) == 4 else None
    if time is None or fields[1] not in {b"stdout", b"stderr"}:
        return LogLine(EPOCH, "stdout", record)
    return LogLine(time, fields[1].decode(), fields[3], is_partial=fields[2] == b"P")


@lru_cache(maxsize=256)
def _parse_time(field: bytes) -> datetime | None:
    # What the monitor writes at once has one time.
    return parse_timestamp(field.decode(errors="replace"))


def _joins(lines: list[LogLine], line: LogLine) -> bool:
    if not lines or not lines[-1].is_partial or lines[-1].stream != line.stream:
        return False
    return len(lines[-1].content) + len(line.content) <= MAX_LINE


def _join(before: LogLine, line: LogLine) -> LogLine:
    return replace(before, content=before.content + line.content, is_partial=line.is_partial)


def _ends_line(record: bytes) -> bool:
    return record.split(b" ", 3)[2:3] != [b"P"]


def _tail_offset(descriptor: int, size: int, lines: int) -> tuple[int, int]:
    """Return where the last *lines* lines begin, and how many there are; one without end counts."""
    found, begin = 0, size
    for offset, ends_line in _records_backwards(descriptor, size):
        if ends_line and found == lines:
            return begin, found
        if ends_line or begin == size:
            found += 1
        begin = offset
    return (0, found) if lines else (size, 0)


def _records_backwards(descriptor: int, size: int) -> Iterator[tuple[int, bool]]:
    """Yield where each record begins and whether it ends a line, the last one first."""
    end, rest = size, b""
    while end > 0 and len(rest) < MAX_BACKWARDS:
        begin = max(0, end - BLOCK)
        content = os.pread(descriptor, end - begin, begin) + rest
        whole = content.find(b"\n") + 1 if begin else 0
        position = len(content)
        while position > whole:
            start = max(whole, content.rfind(b"\n", 0, position - 1) + 1)
            yield begin + start, _ends_line(content[start:position])
            position = start
        rest, end = content[:whole], begin
