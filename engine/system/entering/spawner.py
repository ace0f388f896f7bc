"""
Has commands started in running containers by a program that is running already.

That program is run by a copy of the interpreter sealed in memory: a container may reach the program
by which it was entered, and overwrite it (CVE-2019-5736).
"""

from __future__ import annotations

import fcntl
import os
import platform
import select
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SystemFailure
from engine.system.entering.becoming import READY, REPORT_LIMIT
from engine.system.entering.kernel import KEYCTL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.system.entering.order import Order

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
PROGRAM = "engine.system.entering.program"
START_SECONDS = 60.0
# Since Linux 6.3 it wants to be said that memory may be executed; before, nobody knew the flag.
_MFD_EXEC = 0x10
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_PIECE = 1 << 20


class Spawner:
    """Starts commands in containers; may be used by many threads."""

    def __init__(self) -> None:
        self._guards: dict[int, threading.Lock] = {}
        self._control: socket.socket | None = None
        self._is_ruled_out = False
        self._owner = 0

    def is_possible(self) -> bool:
        """Whether the program runs, or can be run on this host."""
        with self._guard():
            return self._reached() is not None

    def spawn(self, order: Order, mark: int) -> tuple[socket.socket, str]:
        """
        Start a command, and return a connection for its streams and why it could not be started.

        The latter is empty if it runs. Its watcher holds on to *mark*. Raises `SystemFailure` if no
        answer comes.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            with _closing(reader):
                with theirs, _closing(writer):
                    self._send(order.render(), [theirs.fileno(), writer, mark])
                return ours, _read_report(reader)
        except BaseException:
            ours.close()
            raise

    def _guard(self) -> threading.Lock:
        # In a fork the parent's may be held for ever, by a thread that is not there.
        return self._guards.setdefault(os.getpid(), threading.Lock())

    def _let_go(self) -> None:
        """End the connection, and with it the program; what that has started goes on."""
        if self._control is not None:
            self._control.close()
        self._control = None

    __del__ = _let_go

    def _send(self, message: bytes, descriptors: list[int]) -> None:
        for _ in range(2):
            with self._guard():
                control = self._reached()
                if control is not None:
                    with suppress(BrokenPipeError, ConnectionResetError):
                        socket.send_fds(control, [message], descriptors)
                        return
                # It was killed.
                self._let_go()
        raise SystemFailure("the program that starts commands cannot be started")

    def _reached(self) -> socket.socket | None:
        """Return the connection to the program, which is started unless it runs."""
        if self._owner != os.getpid():
            # What a fork has of the connection is its parent's.
            self._let_go()
            self._owner = os.getpid()
        if self._control is None and not self._is_ruled_out:
            self._control = _started()
            self._is_ruled_out = self._control is None
        return self._control


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _read_report(reader: int) -> str:
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    if not poll.poll(int(START_SECONDS * 1000)):
        raise SystemFailure("the command was not started in time")
    report = os.read(reader, REPORT_LIMIT)
    if not report:
        raise SystemFailure(
            "the command could not be started: no process came of it, or it was killed"
        )
    return "" if report == READY else report.decode(errors="replace")


def _started() -> socket.socket | None:
    """Return a connection to a new program; None where this host does not let it run."""
    if platform.machine() not in KEYCTL:
        return None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs, _sealed_interpreter() as interpreter:
            _start(interpreter, theirs)
    except (OSError, subprocess.SubprocessError):
        # For example because programs in memory are forbidden: then the runtime does all of it.
        ours.close()
        return None
    return ours


def _start(interpreter: str, control: socket.socket) -> None:
    prepare = f"import sys; sys.path.append({str(REPOSITORY)!r})"
    begin = f"from {PROGRAM} import main; sys.exit(main(sys.argv[1:]))"
    # Neither site packages nor the place it is started in.
    words = [interpreter, "-s", "-S", "-P", "-c", f"{prepare}; {begin}", str(control.fileno())]
    subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # Its own file does not say where its standard library is.
        env={"PYTHONHOME": f"{sys.base_prefix}:{sys.base_exec_prefix}", "PYTHONUTF8": "1"},
        pass_fds=(control.fileno(),),
        start_new_session=True,
        timeout=START_SECONDS,
        check=True,
    )


@contextmanager
def _sealed_interpreter() -> Iterator[str]:
    """Yield the path of a copy of the running interpreter that nobody can change."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        descriptor = os.memfd_create("shipshape-exec", flags | _MFD_EXEC)
    except OSError:
        descriptor = os.memfd_create("shipshape-exec", flags)
    with os.fdopen(descriptor, "r+b") as copy:
        with Path("/proc/self/exe").open("rb") as program:
            shutil.copyfileobj(program, copy, _PIECE)
        copy.flush()
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
        yield f"/proc/{os.getpid()}/fd/{copy.fileno()}"
