"""A terminal for a program under test, with somebody at it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SECONDS = 20.0


class Terminal:
    """Types, reads the screen, and pulls at its corner."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.screen = b""

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def resize(self, *, rows: int, columns: int) -> None:
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def wait_for(self, words: bytes, *, meanwhile: Callable[[], object] = lambda: None) -> bytes:
        """Return the screen as soon as *words* are on it; do something *meanwhile*, repeatedly."""
        deadline = time.monotonic() + SECONDS
        while words not in self.screen:
            meanwhile()
            assert time.monotonic() < deadline, f"{words!r} never came: {self.screen!r}"
            self._read(0.2)
        return self.screen

    def exit_code(self) -> int:
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it never ended: {self.screen!r}"
            self._read(0.05)
        self._read(0.05)
        return self.process.returncode

    def _read(self, seconds: float) -> None:
        if select.select([self._descriptor], [], [], seconds)[0]:
            try:
                self.screen += os.read(self._descriptor, 65536)
            except OSError:
                # The other side has closed it.
                time.sleep(0.01)


@contextmanager
def at_terminal(
    words: Sequence[str], environment: Mapping[str, str], *, rows: int = 24, columns: int = 80
) -> Iterator[Terminal]:
    """Run a program at a terminal of that size; it is killed at the end if it still runs."""
    mine, its = pty.openpty()
    fcntl.ioctl(mine, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    process = subprocess.Popen(
        words,
        stdin=its,
        stdout=its,
        stderr=its,
        env={**environment, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Terminal(process, mine)
    finally:
        process.kill()
        process.wait()
        os.close(mine)
