"""Unix sockets by path, however long the path is, and descriptors handed over through them."""

from __future__ import annotations

import ctypes
import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGE_BYTES = 16
_PIDFD_GETFD = 438  # the same on every architecture
_LIBC = ctypes.CDLL(None, use_errno=True)


def connect_packets(path: Path) -> socket.socket:
    """Return a connection of whole packets to the socket at *path*; raise `OSError`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        with _reachable(path) as name:
            connection.connect(name)
    except BaseException:
        connection.close()
        raise
    return connection


def open_mailbox(path: Path) -> socket.socket:
    """Make a socket at *path* to which any process can hand descriptors; nobody has to wait."""
    mailbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        mailbox.settimeout(0)
        with _reachable(path) as name:
            mailbox.bind(name)
    except BaseException:
        mailbox.close()
        raise
    return mailbox


def is_open(path: Path) -> bool:
    """Whether somebody has the mailbox at *path* open."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            with _reachable(path) as name:
                sender.connect(name)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
    return True


def post(path: Path, message: bytes, descriptors: list[int]) -> bool:
    """
    Put *message* with *descriptors* into the mailbox at *path*, without ever waiting.

    False if nobody has it open any more, or its owner does not empty it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(0)
        try:
            with _reachable(path) as name:
                sender.connect(name)
            socket.send_fds(sender, [message], descriptors)
        except (ConnectionRefusedError, FileNotFoundError, BlockingIOError):
            return False
    return True


def collect(mailbox: socket.socket) -> tuple[bytes, list[int]] | None:
    """Return the oldest message in *mailbox* with its descriptors, or None if it is empty."""
    try:
        message, descriptors, _, _ = socket.recv_fds(
            mailbox, MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC
        )
    except BlockingIOError:
        return None
    return message, descriptors


def hang_up_packets(pid: int) -> int:
    """
    End every connection of packets that the process *pid* has taken; return how many.

    Whoever is at the other end reads what was sent and then the end. A process that waits for one
    of them to read goes on.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return 0
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        return sum(_hung_up(process, int(name)) for name in names)
    except OSError:
        return 0
    finally:
        os.close(process)


def _hung_up(process: int, number: int) -> bool:
    descriptor = _LIBC.syscall(_PIDFD_GETFD, process, number, 0)
    if descriptor < 0:
        return False
    try:
        with socket.socket(fileno=descriptor) as connection:
            if connection.type != socket.SOCK_SEQPACKET or not _is_connected(connection):
                return False
            connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # No socket at all.
        with suppress(OSError):
            os.close(descriptor)
        return False
    return True


def _is_connected(connection: socket.socket) -> bool:
    return not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Yield a short name of *path*: a socket's address takes 108 bytes."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
