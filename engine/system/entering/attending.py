"""A command from its start to its end, as its watcher sees to it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.system.entering import kernel
from engine.system.entering.becoming import READY, REPORT_LIMIT, Refused, become
from engine.system.entering.entry import Entry
from engine.system.entering.places import Places, Stopped
from engine.system.entering.watching import STDERR, STDOUT, Streams, Watch

if TYPE_CHECKING:
    from engine.system.entering.order import Order

NAME = "shipshape-exec"
PRIVATE = 0o600
SIGNALED = 128
STOPPED = "cannot exec in a container that has stopped"


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
    _write(order.number, pid)
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
    try:
        places = Places.open(entry)
    except Stopped as error:
        raise Refused(STOPPED) from error
    ours, console = _streams(order, entry, places)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = _forked(entry, places, writer)
    os.close(writer)
    places.close()
    _await_ready(pid, reader)
    if console is not None:
        ours = _at_terminal(order, console)
    return pid, ours


def _streams(order: Order, entry: Entry, places: Places) -> tuple[Streams, socket.socket | None]:
    """Return our side of the streams, or where a terminal will come from; theirs in *places*."""
    if entry.terminal:
        console, places.console = socket.socketpair()
        return Streams({}), console
    theirs = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    ours = None
    if order.has_input:
        os.close(theirs)
        theirs, ours = os.pipe2(os.O_CLOEXEC)
    printed, stdout = os.pipe2(os.O_CLOEXEC)
    complained, stderr = os.pipe2(os.O_CLOEXEC)
    places.streams = [theirs, stdout, stderr]
    for each in (ours, printed, complained):
        if each is not None:
            os.set_blocking(each, False)
    return Streams({printed: STDOUT, complained: STDERR}, input=ours), None


def _forked(entry: Entry, places: Places, report: int) -> int:
    numbers = places.namespaces.pop("pid", None)
    if numbers is not None:
        kernel.enter_namespace(numbers)
        os.close(numbers)
    try:
        pid = os.fork()
    except OSError as error:
        # Nobody can be born where the first process has ended.
        raise Refused(STOPPED) from error
    if pid == 0:
        become(entry, places, report)
    return pid


def _await_ready(pid: int, reader: int) -> None:
    with os.fdopen(reader, "rb") as stream:
        report = stream.read(REPORT_LIMIT)
    if report == READY:
        return
    os.waitpid(pid, 0)
    raise Refused(report.removeprefix(READY).decode(errors="replace") or "its process was killed")


def _at_terminal(order: Order, console: socket.socket) -> Streams:
    with console:
        _, (master, *_), _, _ = socket.recv_fds(console, len(READY), 1, socket.MSG_CMSG_CLOEXEC)
    os.set_blocking(master, False)
    os.mkfifo(order.orders, PRIVATE)
    # Open for writing too, it does not end when whoever gave an order leaves.
    orders = os.open(order.orders, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    return Streams({master: STDOUT}, input=master, terminal=master, orders=orders)
