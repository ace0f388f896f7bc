"""A command from its start to its end, as its watcher sees to it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.system.entering import kernel
from engine.system.entering.becoming import READY, REPORT_LIMIT, enter
from engine.system.entering.entry import Entry
from engine.system.entering.places import Places
from engine.system.entering.refusal import KILLED, Refused
from engine.system.entering.watching import STDERR, STDOUT, Streams, Watch

if TYPE_CHECKING:
    from engine.system.entering.order import Order

NAME = "shipshape-exec"
PRIVATE = 0o600
SIGNALED = 128


def attend(order: Order, connection: int, report: int, _mark: int) -> NoReturn:
    """Start the command, report, watch over it, and end with it."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.call_self((NAME, order.container))
        _write(order.watcher_number, os.getpid())
        _attend(order, connection, report)
    finally:
        # Never back into the program: this is a fork of it.
        os._exit(0)


def _attend(order: Order, connection: int, report: int) -> None:
    try:
        pid, streams = _started(order)
    except Refused as refused:
        os.write(report, str(refused).encode(errors="replace")[:REPORT_LIMIT])
        return
    os.write(report, READY)
    os.close(report)
    with socket.socket(fileno=connection) as connected:
        process = os.pidfd_open(pid)
        Watch(streams, connected).run(process)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        _write(order.exit_code, code if code >= 0 else SIGNALED - code)


def _write(path: str, number: int) -> None:
    """Have the file at *path* say *number*; it is there as a whole or not at all."""
    aside = Path(f"{path}.new")
    aside.write_text(str(number))
    aside.rename(path)


def _started(order: Order) -> tuple[int, Streams]:
    """Return the number of a process in which the command runs, and its streams."""
    entry = Entry.parse(Path(order.entry).read_bytes())
    places = Places.open(entry)
    ours, console = _streams(order, entry, places)
    pid = _run(order, entry, places)
    if console is not None:
        ours = _at_terminal(order, console)
    return pid, ours


def _streams(order: Order, entry: Entry, places: Places) -> tuple[Streams, socket.socket | None]:
    """Return our side of the streams, or where a terminal will come from; theirs in *places*."""
    if entry.terminal:
        console, theirs = socket.socketpair()
        places.streams = [theirs.detach()]
        return Streams({}), console
    stdin, writer = os.pipe2(os.O_CLOEXEC)
    printed, stdout = os.pipe2(os.O_CLOEXEC)
    complained, stderr = os.pipe2(os.O_CLOEXEC)
    places.streams = [stdin, stdout, stderr]
    places.has_input = order.has_input
    for each in (writer, printed, complained):
        os.set_blocking(each, False)
    ours = Streams({printed: STDOUT, complained: STDERR}, input=writer)
    if not order.has_input:
        ours.end_input()
    return ours, None


def _run(order: Order, entry: Entry, places: Places) -> int:
    """Have the command run in a process that is in the container, and return its number."""
    reader, report = os.pipe2(os.O_CLOEXEC)
    waiting, signal_to_go = os.pipe2(os.O_CLOEXEC)
    kernel.adopt_orphans(adopt=True)
    messenger = places.groups.fork()
    if messenger == 0:
        enter(entry, places, report, waiting)
    os.close(report)
    os.close(waiting)
    # It may be stopped in the container's groups: then whoever waits for it ends it.
    _write(order.number, messenger)
    pid = _await_birth(messenger, reader)
    _write(order.number, pid)
    # From here on the number may be another's.
    os.waitpid(messenger, 0)
    kernel.adopt_orphans(adopt=False)
    places.close()
    os.write(signal_to_go, READY)
    os.close(signal_to_go)
    _await_ready(pid, reader)
    return pid


def _await_birth(messenger: int, reader: int) -> int:
    """Return the number of what *messenger* leaves in the container, which waits to be let go."""
    os.waitid(os.P_PID, messenger, os.WEXITED | os.WNOWAIT)
    os.set_blocking(reader, False)
    try:
        report = os.read(reader, REPORT_LIMIT)
    except BlockingIOError:
        report = b""
    os.set_blocking(reader, True)
    number = report.removeprefix(READY)
    if not report.startswith(READY) or not number.isdigit():
        raise Refused(report.decode(errors="replace") or KILLED)
    _verify_child(int(number))
    return int(number)


def _verify_child(pid: int) -> None:
    # What runs in the container may be able to write to the pipe as well.
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError as error:
        raise Refused("its process is not the one that was started") from error
    if ended:
        raise Refused(KILLED)


def _await_ready(pid: int, reader: int) -> None:
    with os.fdopen(reader, "rb") as stream:
        report = stream.read(REPORT_LIMIT)
    if report == READY:
        return
    os.waitpid(pid, 0)
    raise Refused(report.removeprefix(READY).decode(errors="replace") or KILLED)


def _at_terminal(order: Order, console: socket.socket) -> Streams:
    with console:
        _, (master, *_), _, _ = socket.recv_fds(console, len(READY), 1, socket.MSG_CMSG_CLOEXEC)
    os.set_blocking(master, False)
    os.mkfifo(order.orders, PRIVATE)
    # Open for writing too, it does not end when whoever gave an order leaves.
    orders = os.open(order.orders, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    return Streams({master: STDOUT}, input=master, terminal=master, orders=orders)
