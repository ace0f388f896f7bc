"""Where in a Dockerfile something stands: lines as they were written, and as they were joined."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.errors import DockerfileError


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a joined line: from *offset* on it is line *line* from *column* on."""

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """
    One instruction as it was written.

    *text* is the instruction in one line, continuations joined; *segments* tell where each part of
    it came from. Lines and columns count from 1. *lines* are the written lines, the first of which
    is line *first*; *last* is the last one that belongs to it, here-documents included.
    """

    text: str
    segments: tuple[Segment, ...]
    lines: tuple[str, ...]
    first: int
    last: int

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of the character at *offset* of the text."""
        index = max(0, bisect_right(self.segments, offset, key=lambda each: each.offset) - 1)
        segment = self.segments[index]
        return segment.line, segment.column + offset - segment.offset

    def written(self, line: int) -> str:
        """Return line number *line* as it was written."""
        index = line - self.first
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def error(
        self, kind: type[DockerfileError], reason: str, *, offset: int = 0, remedy: str = ""
    ) -> DockerfileError:
        """Return an error of *kind* that points at the character at *offset*."""
        line, column = self.position(offset)
        return kind(
            reason,
            line=line,
            last_line=max(self.last, line),
            column=column,
            source=self.written(line),
            remedy=remedy,
        )
