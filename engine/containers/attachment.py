"""
A conversation with what runs in a container: its output as it comes, and input for it.

The other end is a monitor (see `monitor`): it sends each piece of output as a packet whose first
byte names the stream, and takes input as it is. An attachment may exist before its other end does;
then it waits at a mailbox for the connection, which whoever starts the container puts there.
Nothing is kept in memory but input that came too early, and of that a bounded amount: output that
nobody reads makes the container wait, as docker has it.
"""

from __future__ import annotations

import enum
import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from engine.containers.waiting import Place

# The monitor sends at most 8 KiB and the byte before it; it takes no more than 32 KiB at once.
PACKET_BYTES = 64 * 1024
INPUT_BYTES = 8 * 1024
# Less than a socket holds, so that it can be sent before anybody reads.
EARLY_BYTES = 64 * 1024


class StreamKind(enum.IntEnum):
    """What a piece of output was written to; the numbers are the monitor's."""

    STDIN = 1
    STDOUT = 2
    STDERR = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """The streams of a container that an attachment is for."""

    stdin: bool = False
    stdout: bool = True
    stderr: bool = True

    def has(self, kind: StreamKind) -> bool:
        """Whether output of *kind* is wanted."""
        return self.stdout if kind is StreamKind.STDOUT else self.stderr


Piece = tuple[StreamKind, bytes]
NOTHING_YET: Piece = (StreamKind.STDOUT, b"")


def parse_packet(packet: bytes) -> Piece | None:
    """Return the stream and the bytes of a packet of the monitor's; None for what is no output."""
    if len(packet) < 2 or packet[0] not in {StreamKind.STDOUT, StreamKind.STDERR}:
        return None
    return StreamKind(packet[0]), packet[1:]


class Attachment:
    """One conversation; reading, writing and closing may be done by different threads."""

    def __init__(
        self,
        *,
        wanted: Wanted,
        connection: socket.socket | None = None,
        place: Place | None = None,
        exit_code: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._wanted = wanted
        self._exit_code = exit_code
        self._place = place
        self._connection: socket.socket | None = None
        self._early: list[bytes] = []
        self._ends_input = not wanted.stdin
        self._is_over = False
        self._guard = threading.RLock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Readable once the other end is there, or never will be.
        self._settled = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.epoll()
        self._poll.register(self._wake, select.EPOLLIN)
        if place is not None:
            self._poll.register(place, select.EPOLLIN)
        if connection is not None:
            self._take(connection)

    def fileno(self) -> int:
        """Return a descriptor that is readable when `read` may have something to return."""
        return self._poll.fileno()

    @property
    def is_connected(self) -> bool:
        """Whether its other end is there; before a start it is not."""
        return self._connection is not None

    @property
    def exit_code(self) -> int | None:
        """How what was attached to ended; None while that is not known."""
        return self._exit_code()

    def read(self, timeout: float | None = None) -> Piece | None:
        """
        Return the next piece of output, as soon as there is one, or None at the end.

        The end is that of the container or of this attachment, whichever comes first. After
        *timeout* seconds without any, the bytes of the piece are empty; so they may be earlier.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_over:
            if (piece := self._next()) is not NOTHING_YET:
                return piece
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return NOTHING_YET
            self._await(left)
        return None

    def write(self, content: bytes) -> None:
        """
        Give *content* to the program's input; what comes after its end is dropped.

        Before the start, some of it is kept; then this waits for the start.
        """
        if not self._wanted.stdin:
            return
        for begin in range(0, len(content), INPUT_BYTES):
            self._write_some(content[begin : begin + INPUT_BYTES])

    def close_stdin(self) -> None:
        """Say that no more input comes; output goes on."""
        with self._guard:
            self._ends_input = True
            if self._connection is not None:
                _end_input(self._connection)

    def detach(self) -> None:
        """Leave; the container goes on."""
        self.close()

    def close(self) -> None:
        """End the attachment; whoever reads or writes at this moment returns. May be repeated."""
        with self._guard:
            self._is_over = True
            if self._place is not None:
                self._place.leave()
            if self._connection is not None:
                with suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
            self._rouse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The descriptors themselves go only now, when no thread can be about to use their numbers.
        if hasattr(self, "_poll"):
            self.close()
            self._poll.close()
            os.close(self._wake)
            os.close(self._settled)
            if self._connection is not None:
                self._connection.close()

    # --- The other end ------------------------------------------------------------------------

    def _next(self) -> Piece | None:
        """Return the next piece that is there already, None at the end, or `NOTHING_YET`."""
        connection = self._connected()
        if connection is None:
            return None if self._is_over else NOTHING_YET
        while True:
            try:
                packet = connection.recv(PACKET_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return NOTHING_YET
            except OSError:
                packet = b""
            if not packet:
                self._end()
                return None
            piece = parse_packet(packet)
            if piece is not None and self._wanted.has(piece[0]):
                return piece

    def _await(self, seconds: float | None) -> None:
        self._poll.poll(-1 if seconds is None else seconds)

    def _connected(self) -> socket.socket | None:
        """Return the connection, taking it from the mailbox if it has come."""
        with self._guard:
            if self._connection is None and self._place is not None and not self._is_over:
                self._look_into_the_mailbox(self._place)
            return self._connection

    def _look_into_the_mailbox(self, place: Place) -> None:
        answer = place.collect()
        if answer is None:
            return
        self._poll.unregister(place)
        place.leave()
        self._place = None
        if isinstance(answer, socket.socket):
            self._take(answer)
        else:
            self._end()

    def _take(self, connection: socket.socket) -> None:
        self._connection = connection
        self._poll.register(connection, select.EPOLLIN | select.EPOLLRDHUP)
        for content in self._early:
            _send(connection, content)
        self._early.clear()
        if self._ends_input and self._wanted.stdin:
            _end_input(connection)
        os.eventfd_write(self._settled, 1)

    def _write_some(self, content: bytes) -> None:
        while not self._is_over:
            # One look for both, or it would be kept for a connection that was taken in between.
            with self._guard:
                connection = self._connected()
                if connection is None and sum(map(len, self._early)) < EARLY_BYTES:
                    self._early.append(content)
                    return
            if connection is not None:
                _send(connection, content)
                return
            self._await_connection()

    def _await_connection(self) -> None:
        # Whoever reads may take the connection, and all output at once, before this thread sees
        # that anything was readable; so it is told besides.
        waiter = select.poll()
        waiter.register(self._poll, select.POLLIN)
        waiter.register(self._settled, select.POLLIN)
        waiter.poll()

    def _end(self) -> None:
        self._is_over = True
        self._rouse()

    def _rouse(self) -> None:
        os.eventfd_write(self._wake, 1)
        os.eventfd_write(self._settled, 1)


def _send(connection: socket.socket, content: bytes) -> None:
    # A program that has ended, or closed its input, is not told anything.
    with suppress(OSError):
        connection.sendall(content)


def _end_input(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
