"""Work in the network namespace of another process."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import TYPE_CHECKING, TypeVar

from engine.errors import from_oserror

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")
_CLONE_NEWNET = 0x40000000


def in_network_of(pid: int, work: Callable[[], Answer]) -> Answer:
    """
    Return what *work* returns in a thread that stands in the network namespace of process *pid*.

    Its sockets, and /proc/sys/net, are those of that namespace. Raises what *work* raises, or
    `SystemFailure` if the process has ended.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise from_oserror(error, f"enter the network of process {pid}") from error
    try:
        return _in_network(descriptor, work)
    finally:
        os.close(descriptor)


def _in_network(descriptor: int, work: Callable[[], Answer]) -> Answer:
    answers: list[Answer] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            # A namespace is entered by one thread, which ends with the work and takes it along.
            _enter(descriptor)
            answers.append(work())
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that asked)
            failures.append(error)

    thread = threading.Thread(target=run, name="network")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return answers[0]


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise from_oserror(OSError(number, "setns"), "enter a network namespace")


_LIBC = ctypes.CDLL(None, use_errno=True)
