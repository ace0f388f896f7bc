"""
Archives and logs on their way out to browsers: written into a pipe, read from it in pieces.

Nothing is stored: the writer waits while nobody reads, and gives up when nobody has read for a
while. So a download costs no disk, and one that was broken off costs nothing for long.
"""

from __future__ import annotations

import os
import select
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import EngineError, InvalidInput, LimitExceeded, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    Write = Callable[[BinaryIO], object]

AT_ONCE = 4
PATIENCE_SECONDS = 60.0


@dataclass
class _Saving:
    reader: int
    errors: list[EngineError] = field(default_factory=list)
    last: threading.Timer | None = None


class Savings:
    """The downloads of one kind from one agent."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._open: dict[str, _Saving] = {}
        self._guard = threading.Lock()

    def open(self, write: Write) -> str:
        """Begin what *write* writes, in a thread of its own; raise `LimitExceeded`."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        key, saving = uuid.uuid4().hex, _Saving(reader)
        with self._guard:
            if len(self._open) >= AT_ONCE:
                os.close(reader)
                os.close(writer)
                raise LimitExceeded("the number of downloads at a time", limit=AT_ONCE)
            self._open[key] = saving
        threading.Thread(
            target=self._write, args=(saving, writer, write), name="save", daemon=True
        ).start()
        self._expect_reader(key, saving)
        return key

    def read(self, key: str, size: int) -> bytes:
        """
        Return the next bytes of the download *key*, none at its end.

        Raises what writing raised: what was read before is not the whole then.
        """
        with self._guard:
            saving = self._open.get(key)
        if saving is None:
            raise InvalidInput("this download is over")
        self._expect_reader(key, saving)
        # Shorter than the timer, so that nobody closes what is being read.
        content = _filled(saving.reader, size, self._patience / 2)
        if not content:
            self._close(key)
            if saving.errors:
                raise saving.errors[0]
        return content

    def _write(self, saving: _Saving, writer: int, write: Write) -> None:
        try:
            with os.fdopen(writer, "wb", buffering=0) as out:
                write(out)
        except EngineError as error:
            saving.errors.append(error)
        except OSError:  # nobody reads any more
            saving.errors.append(Unavailable("the download was broken off"))

    def _expect_reader(self, key: str, saving: _Saving) -> None:
        if saving.last is not None:
            saving.last.cancel()
        saving.last = threading.Timer(self._patience, self._close, (key,))
        saving.last.daemon = True
        saving.last.start()

    def _close(self, key: str) -> None:
        with self._guard:
            saving = self._open.pop(key, None)
        if saving is not None:
            if saving.last is not None:
                saving.last.cancel()
            os.close(saving.reader)


def _filled(reader: int, size: int, patience: float) -> bytes:
    """Return *size* bytes of a pipe, or fewer at its end, in as few pieces as may be."""
    content = bytearray()
    while len(content) < size and select.select([reader], [], [], patience)[0]:
        piece = os.read(reader, size - len(content))
        if not piece:
            break
        content += piece
    return bytes(content)
