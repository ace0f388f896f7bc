"""
How two hosts talk while an image goes from one to the other, over any pair of byte streams.

What is said is a row of frames: a kind (one byte), a length (four bytes, big-endian) and so many
bytes. `M` is a message, one JSON object; `D` are bytes of what was asked for. The giving side says
what it offers, the taking side asks for what it lacks, piece by piece and from any byte on, and
says in the end what came of it. Every length is bounded, and so is every silence.

    giving   {"offers": "registry/name:tag", "manifest": 1234, "protocol": 1}, then its bytes
    taking   {"asks": "sha256:…", "offset": 0}       giving   so many D frames as it takes
    taking   {"done": "sha256:…"}                    either   {"fails": "…", "code": "…"}
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.errors import EngineError, InvalidConversation, PeerFailed, PeerLost
from engine.progress import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.progress import Cancellation

PROTOCOL = 1
MESSAGE, DATA = b"M", b"D"
MAX_FRAME = 1 << 20
MAX_MESSAGE = 64 << 10
PIECE = 64 << 10
SILENCE_SECONDS = 900.0
_HEAD = struct.Struct(">cI")
_LOOK_SECONDS = 0.2


@dataclass
class Wire:
    """
    One end of the conversation: *reader* and *writer* have descriptors, and stay open.

    Every method raises `PeerLost` where the other end is gone, `InvalidConversation` where it says
    what it should not, `PeerFailed` where it says that it failed, and `Cancelled`.
    """

    reader: BinaryIO
    writer: BinaryIO
    cancellation: Cancellation = NEVER
    silence_seconds: float = SILENCE_SECONDS

    def say(self, **message: Any) -> None:
        """Say one message."""
        self._write(MESSAGE, json.dumps(message, separators=(",", ":")).encode())

    def say_failure(self, error: EngineError) -> None:
        """Tell the other end why this one gives up; what it is told is for people."""
        self.say(fails=error.message[:4096], code=error.code, remedy=error.remedy[:4096])

    def send(self, chunk: bytes) -> None:
        """Send bytes that were asked for."""
        for start in range(0, len(chunk), MAX_FRAME):
            self._write(DATA, chunk[start : start + MAX_FRAME])

    def hear(self) -> dict[str, Any]:
        """Return the next message."""
        kind, length = self._head()
        if kind != MESSAGE or length > MAX_MESSAGE:
            raise InvalidConversation("it should have said something")
        return self._heard(self._read(length))

    def receive(self, size: int) -> Iterator[bytes]:
        """Yield the next *size* bytes that were asked for."""
        while size:
            kind, length = self._head()
            if kind == MESSAGE and length <= MAX_MESSAGE:
                self._heard(self._read(length))
            if kind != DATA or not 0 < length <= min(size, MAX_FRAME):
                raise InvalidConversation("it should have sent what it was asked for")
            size -= length
            yield self._read(length)

    def _heard(self, content: bytes) -> dict[str, Any]:
        try:
            message = json.loads(content)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise InvalidConversation("what it said is no object")
        if "fails" in message:
            words = {key: str(message.get(key, "")) for key in ("fails", "code", "remedy")}
            raise PeerFailed(
                _printable(words["fails"]),
                peer_code=_printable(words["code"]),
                remedy=_printable(words["remedy"]),
            )
        return message

    def _head(self) -> tuple[bytes, int]:
        kind, length = _HEAD.unpack(self._read(_HEAD.size))
        return kind, length

    def _read(self, size: int) -> bytes:
        content = bytearray()
        descriptor = self.reader.fileno()
        while len(content) < size:
            self._wait(descriptor, select.POLLIN)
            try:
                piece = os.read(descriptor, min(size - len(content), MAX_FRAME))
            except OSError as error:
                raise PeerLost(os.strerror(error.errno or 0)) from error
            if not piece:
                raise PeerLost("it ended before it was done")
            content += piece
        return bytes(content)

    def _write(self, kind: bytes, content: bytes) -> None:
        remaining = memoryview(_HEAD.pack(kind, len(content)) + content)
        descriptor = self.writer.fileno()
        while remaining:
            self._wait(descriptor, select.POLLOUT)
            try:
                remaining = remaining[os.write(descriptor, remaining[:PIECE]) :]
            except OSError as error:
                raise PeerLost(os.strerror(error.errno or 0)) from error

    def _wait(self, descriptor: int, what: int) -> None:
        poll = select.poll()
        poll.register(descriptor, what)
        deadline = time.monotonic() + self.silence_seconds
        while not poll.poll(int(_LOOK_SECONDS * 1000)):
            self.cancellation.check()
            if time.monotonic() > deadline:
                raise PeerLost("it went silent")


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


@contextmanager
def told_failures(wire: Wire) -> Iterator[None]:
    """Tell the other side of an error on this one before it is raised."""
    try:
        yield
    except EngineError as error:
        with suppress(EngineError):
            wire.say_failure(error)
        raise
