"""
Images on their way out to other hosts: each a conversation whose other end is a job there.

The engine gives over a pair of pipes; what it says and what it hears goes piece by piece with the
turns that the job takes. Nothing is stored, and a conversation in which nobody speaks is closed.
"""

from __future__ import annotations

import os
import select
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import EngineError, InvalidInput, LimitExceeded, PeerLost

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    Send = Callable[[BinaryIO, BinaryIO], object]

AT_ONCE = 4
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.25
# What is heard is a question at a time, and each is shorter than a pipe.
MOST_HEARD = 32 << 10


@dataclass
class _Sending:
    hears: int
    says: int
    last: threading.Timer | None = None
    # Whoever uses the descriptors, or closes them; their numbers are soon another file's.
    guard: threading.RLock = field(default_factory=threading.RLock)
    is_closed: bool = False


class Sendings:
    """The images that go out of one agent."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._open: dict[str, _Sending] = {}
        self._guard = threading.Lock()

    def open(self, send: Send) -> str:
        """Begin to *send*, in a thread of its own; raise `LimitExceeded`."""
        heard, hears = os.pipe2(os.O_CLOEXEC)
        says, said = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(hears, False)
        key, sending = uuid.uuid4().hex, _Sending(hears, says)
        with self._guard:
            if len(self._open) >= AT_ONCE:
                for each in (heard, hears, says, said):
                    os.close(each)
                raise LimitExceeded("the number of images sent at a time", limit=AT_ONCE)
            self._open[key] = sending
        threading.Thread(
            target=_give, args=(send, heard, said), name="send image", daemon=True
        ).start()
        self._expect_turn(key, sending)
        return key

    def turn(
        self, key: str, heard: bytes, size: int, *, is_last: bool = False
    ) -> tuple[bytes, bool]:
        """
        Let the engine hear *heard*; return what it says next, up to *size*, and whether it is done.

        Nothing is returned where it says nothing for a moment, or where this turn is the last.
        """
        with self._guard:
            sending = self._open.get(key)
        if sending is None or len(heard) > MOST_HEARD:
            raise InvalidInput("this conversation is over")
        with sending.guard:
            if sending.is_closed:
                raise InvalidInput("this conversation is over")
            self._expect_turn(key, sending)
            # One that has ended is told so by the end of what it says.
            with suppress(BrokenPipeError):
                self._hear(sending, heard)
            said, is_done = (b"", True) if is_last else _said(sending.says, size)
            if is_done:
                self._close(key)
        return said, is_done

    def _hear(self, sending: _Sending, heard: bytes) -> None:
        try:
            written = os.write(sending.hears, heard) if heard else 0
        except BlockingIOError:
            written = -1
        if written != len(heard):
            raise PeerLost("it speaks without listening")

    def _expect_turn(self, key: str, sending: _Sending) -> None:
        if sending.last is not None:
            sending.last.cancel()
        sending.last = threading.Timer(self._patience, self._close, (key,))
        sending.last.daemon = True
        sending.last.start()

    def _close(self, key: str) -> None:
        with self._guard:
            sending = self._open.pop(key, None)
        if sending is None:
            return
        with sending.guard:
            if sending.last is not None:
                sending.last.cancel()
            sending.is_closed = True
            os.close(sending.hears)
            os.close(sending.says)


def _give(send: Send, heard: int, said: int) -> None:
    # The other end was told what went wrong, over the wire.
    with (
        suppress(EngineError),
        os.fdopen(heard, "rb", 0) as reader,
        os.fdopen(said, "wb", 0) as writer,
    ):
        send(reader, writer)


def _said(says: int, size: int) -> tuple[bytes, bool]:
    """Return what can be read within a moment, up to *size*, and whether that was the end."""
    content = bytearray()
    while len(content) < size and select.select([says], [], [], 0 if content else LOOK_SECONDS)[0]:
        piece = os.read(says, size - len(content))
        if not piece:
            return bytes(content), True
        content += piece
    return bytes(content), False
