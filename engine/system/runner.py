"""
The one place that runs other programs.

A program is a list of words and never passes a shell. It gets a clean environment, none of our
descriptors, a time limit, and what it prints is kept up to a limit and drained beyond it.
"""

from __future__ import annotations

import os
import select
import selectors
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from engine.errors import ProgramNotFound, SystemFailure, from_oserror
from engine.progress import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from engine.progress import Cancellation

T = TypeVar("T")

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "HOME": "/root"}
OUTPUT_LIMIT = 64 * 1024
CHUNK = 16 * 1024
# How often a program that says nothing is looked at, whether it is still wanted.
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended, and the beginning of what it printed."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """What it said on stderr, as text without the blanks around it."""
        return self.stderr.decode(errors="replace").strip()


def find_program(name: str) -> str | None:
    """Return the path of the program *name* on this host, or None."""
    return shutil.which(name, path=SEARCH_PATH)


def get_program(name: str) -> str:
    """Return the path of the program *name*; raise `ProgramNotFound`."""
    found = find_program(name)
    if found is None:
        raise ProgramNotFound(name, remedy=f"Install it, for example: apt-get install {name}")
    return found


def run(
    words: Sequence[str],
    *,
    timeout: float,
    limit: int = OUTPUT_LIMIT,
    cwd: Path | None = None,
    told: bytes = b"",
    cancellation: Cancellation = NEVER,
) -> Finished:
    """
    Run a program to its end and return what came of it, whatever its exit code.

    It reads *told*, which may be a secret, from its standard input. On *cancellation* it is killed,
    with what it has started, and `Cancelled` is raised.
    Raises `ProgramNotFound`, or `SystemFailure` when it takes longer than *timeout* seconds: then
    it has been killed.
    """
    pipe = subprocess.PIPE
    with (
        _input(told) as stdin,
        _started(words, stdin=stdin, stdout=pipe, stderr=pipe, cwd=cwd) as process,
    ):
        outputs = _collect(process, time.monotonic() + timeout, limit, cancellation)
    return Finished(process.returncode, outputs[0], outputs[1])


def start_daemon(
    words: Sequence[str],
    *,
    report_variable: str,
    inherits: Sequence[int],
    timeout: float,
    limit: int = OUTPUT_LIMIT,
    cwd: Path,
) -> Finished:
    """
    Start a program that goes on by itself, and return once it has reported.

    It keeps the descriptors *inherits*, and learns that of a pipe from the environment variable
    *report_variable*; `stdout` of the answer is the line it wrote there, empty if it ended without.
    Of what it says before it detaches, `stderr` has the beginning.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    complaints = os.memfd_create("complaints", os.MFD_CLOEXEC)
    try:
        try:
            with _started(
                words,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                cwd=cwd,
                pass_fds=(writer, *inherits),
                more={report_variable: str(writer)},
            ) as process:
                code = _waited(process, timeout)
        finally:
            os.close(writer)
        line = _read_line(reader, time.monotonic() + timeout, limit, words[0])
        return Finished(code, line, os.pread(complaints, limit, 0))
    finally:
        os.close(reader)
        os.close(complaints)


@dataclass(frozen=True, slots=True)
class Pipes:
    """By which environment variables a daemon learns of the pipes to its parent."""

    report: str
    start: str
    ready: str


def start_conversation(
    words: Sequence[str],
    *,
    pipes: Pipes,
    inherits: int,
    timeout: float,
    connect: Callable[[], T],
    cwd: Path,
    limit: int = OUTPUT_LIMIT,
) -> tuple[Finished, T]:
    """
    Start a program that goes on by itself, and connect to it before it begins its work.

    It says that it can be reached, *connect* is called, it is told to begin, and reports: `stdout`
    is the line of its report. It keeps the descriptor *inherits*.
    """
    deadline = time.monotonic() + timeout
    with ExitStack() as ours, ExitStack() as theirs:
        ends = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        (report, report_end), (start_end, start), (ready, ready_end) = ends
        for each in (report, start, ready):
            ours.callback(os.close, each)
        for each in (report_end, start_end, ready_end):
            theirs.callback(os.close, each)
        complaints = os.memfd_create("complaints", os.MFD_CLOEXEC)
        ours.callback(os.close, complaints)
        with _started(
            words,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd=cwd,
            pass_fds=(report_end, start_end, ready_end, inherits),
            more={
                pipes.report: str(report_end),
                pipes.start: str(start_end),
                pipes.ready: str(ready_end),
            },
        ) as process:
            theirs.close()
            _say_go(start)
            code = _waited(process, timeout)
        _read_line(ready, deadline, limit, words[0])
        connected = connect()
        _say_go(start)
        line = _read_line(report, deadline, limit, words[0])
        return Finished(code, line, os.pread(complaints, limit, 0)), connected


def _say_go(pipe: int) -> None:
    # One that has ended already says so by its report.
    with suppress(BrokenPipeError):
        os.write(pipe, b"\0")


@contextmanager
def conversation(
    words: Sequence[str], *, passing: Sequence[str] = ()
) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """
    Run a program and yield what it says and where it listens; its complaints go to our stderr.

    It sees the variables *passing* of our environment. Leaving the block waits for its end, or ends
    it where the block failed. Raises `ProgramNotFound`.
    """
    more = {name: os.environ[name] for name in passing if name in os.environ}
    pipe = subprocess.PIPE
    with _started(words, stdin=pipe, stdout=pipe, stderr=None, cwd=None, more=more) as process:
        assert process.stdin
        assert process.stdout
        yield cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin)


@contextmanager
def _input(content: bytes) -> Iterator[int]:
    """Yield a descriptor from which *content* can be read, once: it is in memory only."""
    if not content:
        yield subprocess.DEVNULL
        return
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _started(
    words: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int,
    stderr: int | None,
    cwd: Path | None,
    pass_fds: tuple[int, ...] = (),
    more: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the running program; on the way out it has ended, by force where it must."""
    try:
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env={**ENVIRONMENT, **(more or {})},
            pass_fds=pass_fds,
            # A Ctrl-C at the terminal of the product is not meant for it.
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProgramNotFound(words[0]) from error
    except OSError as error:
        raise from_oserror(error, f"run {words[0]}") from error
    with process:
        try:
            yield process
        except BaseException:
            _kill_all(process)
            raise


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill it with what it has started that did not leave its group."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _collect(
    process: subprocess.Popen[bytes], deadline: float, limit: int, cancellation: Cancellation
) -> list[bytes]:
    assert process.stdout
    assert process.stderr
    streams = [process.stdout, process.stderr]
    outputs = {each.fileno(): bytearray() for each in streams}
    with selectors.DefaultSelector() as selector:
        for each in streams:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            cancellation.check()
            ready = selector.select(min(max(0.0, deadline - time.monotonic()), LOOK_SECONDS))
            if not ready and time.monotonic() > deadline:
                raise _too_slow(str(process.args))
            for key, _ in ready:
                _drain(selector, key, outputs[key.fd], limit)
    _waited(process, max(0.1, deadline - time.monotonic()))
    return [bytes(each) for each in outputs.values()]


def _drain(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, output: bytearray, limit: int
) -> None:
    chunk = os.read(key.fd, CHUNK)
    if chunk:
        output += chunk[: limit - len(output)]
    else:
        selector.unregister(key.fileobj)


def _waited(process: subprocess.Popen[bytes], timeout: float) -> int:
    """Return the exit code; the kernel wakes us, where `Popen.wait` would look again and again."""
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(int(timeout * 1000)):
            raise _too_slow(str(process.args))
    finally:
        os.close(descriptor)
    return process.wait()


def _read_line(reader: int, deadline: float, limit: int, program: str) -> bytes:
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while not line.endswith(b"\n") and len(line) < limit:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _too_slow(program)
            chunk = os.read(reader, limit - len(line))
            if not chunk:
                break
            line += chunk
    return bytes(line)


def _too_slow(program: str) -> SystemFailure:
    return SystemFailure(f"{program[:200]} did not finish in time")
