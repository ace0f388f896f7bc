"""
Other processes: who they are, whether they live, and signals that reach no one else.

A number alone does not name a process, because numbers are used again. An identity adds the moment
it started and the boot it belongs to.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.errors import from_oserror

if TYPE_CHECKING:
    from collections.abc import Callable

PROC = Path("/proc")
ARGUMENTS_LIMIT = 128 * 1024
# How often a process that does not answer is looked at.
LOOK_MILLISECONDS = 200


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot; *started* is in the kernel's ticks since then."""

    pid: int
    started: int
    boot: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what `render` wrote, or None if *text* is nothing of the kind."""
        words = text.split()
        if len(words) != 3 or not words[0].isdecimal() or not words[1].isdecimal():
            return None
        return cls(int(words[0]), int(words[1]), words[2])

    def render(self) -> str:
        """Return the identity as one line."""
        return f"{self.pid} {self.started} {self.boot}\n"

    @property
    def is_alive(self) -> bool:
        """Whether this very process exists and has not ended."""
        return find_identity(self.pid) == self

    def send(self, number: int) -> bool:
        """Send it the signal *number*; return False if it has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        except OSError as error:
            raise from_oserror(error, f"reach process {self.pid}") from error
        try:
            # The descriptor holds on to one process; now look which.
            return self.is_alive and _sent(descriptor, number)
        finally:
            os.close(descriptor)


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what tells this boot of the machine from any other."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def find_identity(pid: int) -> ProcessIdentity | None:
    """Return who *pid* is, or None if there is no such process or it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # proc(5): the name in parentheses may hold anything, so count from the last one.
    fields = text.rpartition(b")")[2].split()
    if fields[0] in {b"Z", b"X"}:
        return None
    return ProcessIdentity(pid, int(fields[19]), boot_id())


def session_of(pid: int) -> int | None:
    """Return the session that *pid* is in, by its leader's number; None if it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = text.rpartition(b")")[2].split()
    return None if fields[0] in {b"Z", b"X"} else int(fields[3])


def arguments_of(pid: int) -> list[str]:
    """Return the words that *pid* was started with; none if there is no such process."""
    try:
        with (PROC / str(pid) / "cmdline").open("rb") as stream:
            content = stream.read(ARGUMENTS_LIMIT)
    except OSError:
        return []
    return [os.fsdecode(word) for word in content.removesuffix(b"\0").split(b"\0")]


def find_by_arguments(words: list[str]) -> list[int]:
    """Return the processes that were started with exactly *words*."""
    pids = [int(name) for name in os.listdir(PROC) if name.isdecimal()]
    return [pid for pid in pids if arguments_of(pid) == words]


def has_argument(pid: int, argument: str) -> bool:
    """Whether *pid* lives and *argument* is one of the words it was started with."""
    return find_identity(pid) is not None and argument in arguments_of(pid)


def count_sockets(pid: int) -> int:
    """Return how many sockets *pid* has open; 0 if there is no such process."""
    directory = PROC / str(pid) / "fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return 0
    return sum(_link_of(directory / name).startswith("socket:") for name in names)


def _link_of(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def tell_by_pipe(pipe: Path, words: bytes) -> bool:
    """Write *words* to the named *pipe* if somebody reads it; return whether somebody does."""
    try:
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(writer, words) == len(words)
    except OSError:
        return False
    finally:
        os.close(writer)


def wait_until_gone(pid: int, argument: str, *, timeout: float) -> bool:
    """
    Return True once no process *pid* that was started with *argument* lives; False at *timeout*.

    Nothing is asked over and over: the kernel wakes the waiter.
    """
    descriptor = _opened(pid)
    if descriptor is None:
        return True
    try:
        # The descriptor holds on to one process; now look which.
        return not has_argument(pid, argument) or _waited(descriptor, timeout)
    finally:
        os.close(descriptor)


def read_from_held(
    pipe: Path, holder: ProcessIdentity, *, timeout: float, is_held: Callable[[], bool]
) -> bool:
    """
    Return True once *holder*, which waits for a reader of the named *pipe*, has gone on.

    It writes to the pipe then; one that was let go by another reader does not, but *is_held* no
    more. False if it ends first, or *timeout* seconds pass. Raises `FileNotFoundError`.
    """
    # Open until it has answered: one that is slow to write to a pipe without a reader dies of it.
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    process = _opened(holder.pid)
    deadline = time.monotonic() + timeout
    try:
        while process is not None and holder.is_alive and time.monotonic() < deadline:
            poll = select.poll()
            poll.register(reader, select.POLLIN)
            poll.register(process, select.POLLIN)
            if not poll.poll(LOOK_MILLISECONDS) and not is_held() and holder.is_alive:
                return True
            if _read_available(reader):
                return True
        # It may have ended already, after it had written.
        return bool(_read_available(reader))
    finally:
        os.close(reader)
        if process is not None:
            os.close(process)


def _read_available(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1)
    except BlockingIOError:
        return b""


def kill_and_wait(pids: list[int], *, timeout: float = 10.0) -> None:
    """Kill *pids* and return when all of them have ended; those that had already are fine."""
    descriptors = [each for pid in pids if (each := _opened(pid)) is not None]
    try:
        for descriptor in descriptors:
            _sent(descriptor, signal.SIGKILL)
        _wait_all(descriptors, time.monotonic() + timeout)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _sent(descriptor: int, number: int) -> bool:
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise from_oserror(error, f"send signal {number}") from error
    return True


def _wait_all(descriptors: list[int], deadline: float) -> None:
    for descriptor in descriptors:
        _waited(descriptor, max(0.0, deadline - time.monotonic()))


def _waited(descriptor: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(int(timeout * 1000)))
