"""
The files of a container's log: the one that is being written, and those before it.

The monitor writes `container.log`. Each file it ever writes to has a second name with a number,
`container.log.7`, which whoever looks first gives it: so cursors name files that stay the same, and
a file outlives its replacement. When the current one is large enough the monitor is told to open
another under the same name; what it has written stays under the number. Only the newest are kept.
While nobody looks nothing is rotated, and a much larger limit holds, which is the monitor's own.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.containers.logs import BYTES, LINES, START, LogCursor, LogFile, LogPage
from engine.containers.monitor import UNWATCHED_BYTES
from engine.system.processes import tell_by_pipe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from engine.settings import LogSettings
    from engine.system.locks import Locks

MEGABYTE = 1024 * 1024
DEFAULT_SIZE, DEFAULT_FILES = 10 * MEGABYTE, 5
REOPEN = b"2 0 0\n"
REOPEN_SECONDS = 2.0
REOPEN_PAUSE = 0.001
LINK_ATTEMPTS = 16


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How large one file of a log gets, and how many there are at most."""

    max_size: int = DEFAULT_SIZE
    max_file: int = DEFAULT_FILES

    @classmethod
    def of(cls, settings: LogSettings) -> LogLimits:
        """Return the limits that *settings* choose, with our defaults where they do not."""
        return cls(settings.max_size or DEFAULT_SIZE, settings.max_file or DEFAULT_FILES)

    @property
    def unwatched_bytes(self) -> int:
        """What one file may grow to while nobody is there to rotate."""
        return max(UNWATCHED_BYTES, self.max_size * self.max_file)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a log."""

    number: int
    path: Path
    inode: int
    size: int


class RotatedLog:
    """The whole log of one container, over all its files."""

    def __init__(
        self,
        path: Path,
        limits: LogLimits = LogLimits(),
        *,
        control: Path | None = None,
        locks: Locks | None = None,
    ) -> None:
        self._path = path
        self._limits = limits
        self._control = control
        self._locks = locks

    def read(
        self,
        cursor: LogCursor = START,
        *,
        lines: int = LINES,
        limit_bytes: int = BYTES,
        growing_since: datetime | None = None,
    ) -> LogPage:
        """Return a page from *cursor* on, as `LogFile.read` does, of one file at a time."""
        pieces = self.tend()
        if not pieces:
            return LogPage((), cursor, is_end=True)
        index, begin, has_gap = _locate(pieces, cursor)
        while True:
            piece, is_last = pieces[index], index == len(pieces) - 1
            page = LogFile(piece.path, number=piece.number).read(
                begin,
                lines=lines,
                limit_bytes=limit_bytes,
                # Nothing is added to a file that has a successor.
                growing_since=growing_since if is_last else None,
            )
            if page.lines or is_last or not page.is_end:
                break
            index, begin = index + 1, LogCursor(pieces[index + 1].number, 0)
        later = sum(each.size for each in pieces[index + 1 :])
        return LogPage(
            page.lines,
            page.cursor,
            is_end=page.is_end and is_last,
            behind=page.behind + later,
            has_gap=has_gap or page.has_gap,
        )

    def tail(self, lines: int) -> LogCursor:
        """Return the place from which *lines* whole lines follow; the start if there are fewer."""
        cursor, wanted = START, lines
        for piece in reversed(self.tend()):
            cursor, found = LogFile(piece.path, number=piece.number).tail_counted(wanted)
            wanted -= found
            if cursor.offset or wanted <= 0:
                break
        return cursor

    def skip(self, cursor: LogCursor, *, keep_bytes: int) -> tuple[LogCursor, int]:
        """Return a place at most *keep_bytes* before the end, and how many lines were skipped."""
        pieces = self.tend()
        if not pieces:
            return cursor, 0
        index, begin, _ = _locate(pieces, cursor)
        if sum(each.size for each in pieces[index:]) - begin.offset <= keep_bytes:
            return cursor, 0
        skipped = 0
        for position in range(index, len(pieces)):
            piece = pieces[position]
            later = sum(each.size for each in pieces[position + 1 :])
            start = begin if position == index else LogCursor(piece.number, 0)
            file = LogFile(piece.path, number=piece.number)
            begin, more = file.skip(start, keep_bytes=max(0, keep_bytes - later))
            skipped += more
            if later <= keep_bytes:
                break
        return begin, skipped

    def tend(self) -> list[Piece]:
        """
        Number the current file, rotate it if it is large, drop the oldest; return all that are.

        Several may do so at once, and any may be killed while they do.
        """
        pieces = self._numbered()
        if pieces and pieces[-1].size >= self._limits.max_size and self._control is not None:
            pieces = self._rotated(pieces)
        for each in pieces[: -self._limits.max_file]:
            each.path.unlink(missing_ok=True)
        return pieces[-self._limits.max_file :]

    def _numbered(self) -> list[Piece]:
        for _ in range(LINK_ATTEMPTS):
            pieces = self._list()
            current = _status(self._path)
            if current is None or (pieces and pieces[-1].inode == current.st_ino):
                return pieces
            number = pieces[-1].number + 1 if pieces else 1
            # Somebody else may be faster, or it is replaced at this moment.
            with suppress(FileExistsError, FileNotFoundError):
                os.link(self._path, self._named(number))
        return self._list()

    def _rotated(self, pieces: list[Piece]) -> list[Piece]:
        lock: AbstractContextManager[bool] = nullcontext(enter_result=True)
        if self._locks is not None:
            lock = self._locks.tried(f"log/{self._path}")
        with lock as is_held:
            current = _status(self._path)
            # Asked for twice, the monitor would throw away what it wrote between.
            if not is_held or current is None or current.st_ino != pieces[-1].inode:
                return self._numbered()
            if self._control is not None and tell_by_pipe(self._control, REOPEN):
                self._await_replacement(current.st_ino)
            return self._numbered()

    def _await_replacement(self, inode: int) -> None:
        deadline = time.monotonic() + REOPEN_SECONDS
        while time.monotonic() < deadline:
            current = _status(self._path)
            if current is None or current.st_ino != inode:
                return
            time.sleep(REOPEN_PAUSE)

    def _list(self) -> list[Piece]:
        prefix, pieces = f"{self._path.name}.", []
        try:
            with os.scandir(self._path.parent) as entries:
                for each in entries:
                    number = each.name.removeprefix(prefix)
                    if each.name.startswith(prefix) and number.isdecimal():
                        status = each.stat(follow_symlinks=False)
                        pieces.append(
                            Piece(
                                int(number), self._named(int(number)), status.st_ino, status.st_size
                            )
                        )
        except FileNotFoundError:
            return []
        return sorted(pieces, key=lambda piece: piece.number)

    def _named(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @property
    def is_large(self) -> bool:
        """Whether the file that is being written is as large as one gets."""
        current = _status(self._path)
        return current is not None and current.st_size >= self._limits.max_size


def _locate(pieces: list[Piece], cursor: LogCursor) -> tuple[int, LogCursor, bool]:
    """Return which piece *cursor* is in, the place in it, and whether something is missing."""
    for index, piece in enumerate(pieces):
        if piece.number == cursor.file:
            return index, cursor, False
    if cursor.file == 0:
        return 0, LogCursor(pieces[0].number, 0), False
    later = [index for index, piece in enumerate(pieces) if piece.number > cursor.file]
    index = later[0] if later else 0
    return index, LogCursor(pieces[index].number, 0), True


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
