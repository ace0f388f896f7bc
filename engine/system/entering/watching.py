"""
What holds the streams of a command while it runs.

Everything is passed on as it comes, and nothing is kept but one piece each way: who does not read
makes the command wait, and a command that does not read makes whoever writes to it wait.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

# The streams as the first byte of a packet names them; see `engine.containers.attachment`.
STDOUT, STDERR = b"\2", b"\3"
PIECE = 32 * 1024
ORDER_BYTES = 4096
RESIZE = "1"


@dataclass(slots=True)
class Streams:
    """
    The command's side: its *outputs* with their names, and its *input* unless it has none.

    A *terminal* is all of them, and takes *orders* over a pipe; *order* is the first half of one.
    No descriptor blocks.
    """

    outputs: dict[int, bytes]
    input: int | None = None
    terminal: int | None = None
    orders: int | None = None
    order: str = ""

    def read(self, output: int) -> bytes | None:
        """Return what was printed with its name before it; None for nothing yet, or at the end."""
        name = self.outputs[output]
        content = bytearray()
        # A terminal gives a few lines at a time.
        while len(content) < PIECE and (more := self._read_some(output)):
            content += more
        return name + content if content else None

    def _read_some(self, output: int) -> bytes:
        try:
            content = os.read(output, PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            # A terminal that nobody has open any more.
            content = b""
        if not content:
            del self.outputs[output]
        return content

    def write(self, content: memoryview) -> memoryview:
        """Give the command some of *content* and return the rest; none once it does not listen."""
        if self.input is None:
            return content[:0]
        try:
            return content[os.write(self.input, content) :]
        except BlockingIOError:
            return content
        except OSError:
            self.end_input()
            return content[:0]

    def end_input(self) -> None:
        """Have the command read the end of its input; at a terminal a key does that."""
        if self.input is not None and self.input != self.terminal:
            os.close(self.input)
            self.input = None

    def obey(self) -> None:
        """Do what was ordered, which is to give the terminal a size."""
        if self.orders is None or self.terminal is None:
            return
        read = self.order + os.read(self.orders, ORDER_BYTES).decode(errors="replace")
        *lines, self.order = read.split("\n")
        # Who gives orders ends them.
        self.order = self.order[:ORDER_BYTES]
        for line in lines:
            words = line.split()
            if len(words) == 3 and words[0] == RESIZE and all(map(str.isdecimal, words)):
                size = struct.pack("HHHH", int(words[1]), int(words[2]), 0, 0)
                fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)


class Watch:
    """Passes on what a command and whoever is at the other end of *connection* say."""

    def __init__(self, streams: Streams, connection: socket.socket) -> None:
        self._streams = streams
        self._connection: socket.socket | None = connection
        connection.settimeout(0)
        self._is_listening = True
        self._outgoing: bytes | None = None
        self._incoming = memoryview(b"")

    def run(self, process: int) -> None:
        """Return once *process* has ended and what it had printed by then is passed on."""
        while not self._pass_on(process):
            pass
        while self._outgoing or self._take_output():
            self._send_rest()

    def _pass_on(self, process: int) -> bool:
        """Wait for something to do and do it; return whether *process* has ended."""
        poll = select.poll()
        poll.register(process, select.POLLIN)
        for descriptor, events in self._interests().items():
            poll.register(descriptor, events)
        ready = dict(poll.poll())
        if self._streams.orders in ready:
            self._streams.obey()
        self._hear(ready)
        self._say(ready)
        return process in ready

    def _interests(self) -> dict[int, int]:
        streams, connection = self._streams, self._connection
        found = dict.fromkeys(() if self._outgoing else streams.outputs, select.POLLIN)
        if streams.orders is not None:
            found[streams.orders] = select.POLLIN
        if self._incoming and streams.input is not None:
            found[streams.input] = found.get(streams.input, 0) | select.POLLOUT
        if connection is not None:
            wanted = select.POLLIN * (self._is_listening and not self._incoming)
            wanted |= select.POLLOUT * bool(self._outgoing)
            if wanted:
                found[connection.fileno()] = wanted
        return found

    # --- Towards the command ------------------------------------------------------------------

    def _hear(self, ready: dict[int, int]) -> None:
        if self._incoming:
            self._incoming = self._streams.write(self._incoming)
        elif self._is_listening and self._connection and self._connection.fileno() in ready:
            self._incoming = self._streams.write(memoryview(self._received(self._connection)))
        if not self._is_listening and not self._incoming:
            self._streams.end_input()

    def _received(self, connection: socket.socket) -> bytes:
        try:
            content = connection.recv(2 * PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            content = b""
        self._is_listening = bool(content)
        return content

    # --- Towards whoever is connected ---------------------------------------------------------

    def _say(self, ready: dict[int, int]) -> None:
        if not self._outgoing and any(each in ready for each in self._streams.outputs):
            self._take_output()
        if self._outgoing:
            self._send(self._outgoing)

    def _take_output(self) -> bool:
        """Have the next piece of output as what goes out; False where there is none by now."""
        for each in list(self._streams.outputs):
            self._outgoing = self._streams.read(each)
            if self._outgoing:
                return True
        return False

    def _send_rest(self) -> None:
        """Have nothing that goes out any more, however long the reader takes."""
        while self._outgoing:
            self._send(self._outgoing)
            if self._outgoing and self._connection is not None:
                poll = select.poll()
                poll.register(self._connection, select.POLLOUT)
                poll.poll()

    def _send(self, packet: bytes) -> None:
        try:
            if self._connection is not None:
                self._connection.send(packet)
        except BlockingIOError:
            return
        except OSError:
            # Nobody is there any more; the command goes on and prints to nobody.
            self._connection = None
            self._is_listening = False
        self._outgoing = None
