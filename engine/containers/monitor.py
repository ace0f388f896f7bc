"""
The monitor of a container: what holds its stdio, writes its log and takes its exit status.

It starts the runtime, goes on by itself, and outlives whoever launched it. When the container's
first process has ended it leaves an exit file and ends too.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.containers.complaints import last_words
from engine.errors import CommandNotFound, RuntimeFailed, from_oserror
from engine.system.marks import end_holders, marked
from engine.system.processes import (
    count_sockets,
    find_identity,
    has_argument,
    tell_by_pipe,
    wait_until_gone,
)
from engine.system.runner import start_daemon
from engine.system.sockets import connect_packets, hang_up_packets

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from engine.containers.bundle import Bundle
    from engine.containers.runtime import Programs

# What a log may grow to while nobody is there to rotate it.
UNWATCHED_BYTES = 64 * 1024 * 1024
LAUNCH_SECONDS = 120.0
REPORT_VARIABLE = "_OCI_SYNCPIPE"
ABORT_SECONDS = 20.0
ACCEPT_SECONDS = 0.5
ACCEPT_PAUSE = 0.0005
RESIZE = 1
MAX_CELLS = 1000

# How runc and crun say that the program is missing or cannot be executed.
_COMMANDS = (
    re.compile(r'exec: "(?P<command>.*?)": (?P<reason>.*)', re.DOTALL),
    re.compile(r"executable file [`'\"](?P<command>.*?)[`'\"] (?P<reason>not found.*)", re.DOTALL),
    re.compile(r"open executable(?P<command>): (?P<reason>.*)", re.DOTALL),
)
_NOT_FOUND = re.compile(r"not found|no such file or directory", re.IGNORECASE)
_NOT_EXECUTABLE = re.compile(r"permission denied|is a directory|exec format", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Launch:
    """
    A container to be launched: its bundle is complete.

    *held* are descriptors that the monitor keeps open as long as it lives. With *keeps_stdin*
    the program's input stays open when somebody attached leaves or ends theirs. *log_bytes* is what
    its log may grow to while nobody rotates it; 0 means no log.
    """

    bundle: Bundle
    name: str
    tty: bool = False
    open_stdin: bool = False
    keeps_stdin: bool = True
    log_bytes: int = UNWATCHED_BYTES
    held: tuple[int, ...] = ()


class Monitor(Protocol):
    """Launches containers and watches over them."""

    def launch(self, launch: Launch) -> int:
        """
        Start a monitor that creates the container, and return the pid of its first process.

        That process is held before its program: `Runtime.start` lets it go. Raises
        `CommandNotFound` when the program is not there or cannot be executed, or `RuntimeFailed`;
        then `abort` may still have something to clear.
        """

    def is_watching(self, bundle: Bundle) -> bool:
        """Whether the container has a monitor, so that an exit file will come or is there."""

    def wait(self, bundle: Bundle, *, timeout: float) -> bool:
        """Return True once the container has no monitor; False when *timeout* seconds passed."""

    def abort(self, bundle: Bundle) -> bool:
        """
        End the monitor and whatever it is starting; True once neither goes on.

        A container without a monitor is fine. Its own processes may be left to the runtime.
        """

    def connect(self, bundle: Bundle) -> socket.socket:
        """
        Return a connection over which everything comes that is printed from now on.

        Each packet begins with a byte for the stream (see `attachment`); what is sent is input.
        Raises `RuntimeFailed` where there is no monitor.
        """

    def hang_up(self, bundle: Bundle) -> None:
        """
        End all connections, so that the monitor waits for nobody who does not read.

        For a container whose process has ended and whose monitor has not.
        """

    def resize(self, bundle: Bundle, *, rows: int, columns: int) -> None:
        """Give the container's terminal a size; without a monitor nothing happens."""


class ConmonMonitor:
    """A `Monitor` that is one conmon process for each container."""

    def __init__(self, programs: Programs, exits: Path) -> None:
        self._programs = programs
        self._exits = exits

    def launch(self, launch: Launch) -> int:
        """Start conmon and return the pid of the container's first process, held."""
        bundle = launch.bundle
        with marked(bundle.mark) as mark:
            finished = start_daemon(
                self._words(launch),
                report_variable=REPORT_VARIABLE,
                inherits=(mark, *launch.held),
                timeout=LAUNCH_SECONDS,
                cwd=bundle.run,
            )
        pid = _reported_pid(finished.stdout, finished.complaint)
        _note(bundle, pid)
        return pid

    def is_watching(self, bundle: Bundle) -> bool:
        """Whether conmon lives."""
        pid = _read_pid(bundle.monitor_pid_file)
        return pid is not None and has_argument(pid, bundle.id)

    def wait(self, bundle: Bundle, *, timeout: float) -> bool:
        """Wait for the end of conmon, which comes right after the exit file."""
        pid = _read_pid(bundle.monitor_pid_file)
        return pid is None or wait_until_gone(pid, bundle.id, timeout=timeout)

    def abort(self, bundle: Bundle) -> bool:
        """End conmon and, should it be creating the container at this moment, the runtime."""
        return end_holders(bundle.mark, timeout=ABORT_SECONDS)

    def connect(self, bundle: Bundle) -> socket.socket:
        """Connect to conmon, and return once it has taken the connection."""
        pid = _read_pid(bundle.monitor_pid_file)
        before = count_sockets(pid) if pid else 0
        try:
            connection = connect_packets(bundle.attach_socket)
        except OSError as error:
            raise RuntimeFailed("attach to", stderr=error.strerror or "no monitor") from error
        deadline = time.monotonic() + ACCEPT_SECONDS
        # It is in the queue already, and what is printed after it was taken comes over it.
        while pid and count_sockets(pid) <= before and time.monotonic() < deadline:
            time.sleep(ACCEPT_PAUSE)
        return connection

    def hang_up(self, bundle: Bundle) -> None:
        """End what is connected to conmon."""
        pid = _read_pid(bundle.monitor_pid_file)
        if pid is not None and has_argument(pid, bundle.id):
            hang_up_packets(pid)

    def resize(self, bundle: Bundle, *, rows: int, columns: int) -> None:
        """Tell conmon, which takes no more than 1000 of each."""
        rows, columns = min(rows, MAX_CELLS), min(columns, MAX_CELLS)
        tell_by_pipe(bundle.control_pipe, f"{RESIZE} {rows} {columns}\n".encode())

    def _words(self, launch: Launch) -> list[str]:
        bundle = launch.bundle
        runtime = self._programs.runtime
        words = [self._programs.conmon, "--name", launch.name]
        words += ["--cid", bundle.id, "--cuuid", bundle.id]
        words += ["--runtime", runtime.path, "--bundle", str(bundle.directory)]
        words += ["--container-pidfile", str(bundle.run / "process.pid")]
        words += ["--conmon-pidfile", str(bundle.monitor_pid_file)]
        words += ["--persist-dir", str(bundle.run), "--exit-dir", str(self._exits)]
        words += _log_words(launch)
        words += ["--log-level", "error", "--full-attach", "--no-sync-log"]
        for argument in runtime.arguments:
            words += ["--runtime-arg", argument]
        words += ["--leave-stdin-open"] * launch.keeps_stdin
        return words + ["--terminal"] * launch.tty + ["--stdin"] * launch.open_stdin


def _log_words(launch: Launch) -> list[str]:
    if not launch.log_bytes:
        return ["--log-path", "none"]
    path = f"k8s-file:{launch.bundle.log}"
    return ["--log-path", path, "--log-size-max", str(launch.log_bytes)]


def _note(bundle: Bundle, pid: int) -> None:
    identity = find_identity(pid)
    try:
        # It may have been killed already; then its exit file tells.
        bundle.process_file.write_text(identity.render() if identity else f"{pid}\n")
    except OSError as error:
        raise from_oserror(error, "note the container's process") from error


def _reported_pid(line: bytes, complaint: str) -> int:
    try:
        report = json.loads(line or b"{}")
    except ValueError:
        report = {}
    pid = report.get("pid", -1)
    if pid > 0:
        return int(pid)
    raise failure_of(str(report.get("message") or complaint))


def failure_of(message: str, *, verb: str = "create") -> CommandNotFound | RuntimeFailed:
    """Return the error for a runtime's last words when it could not *verb* a container."""
    text = last_words(message)
    match = next((found for each in _COMMANDS if (found := each.search(text))), None)
    if match is not None:
        command, reason = match["command"], match["reason"]
        if _NOT_FOUND.search(reason):
            return CommandNotFound(command, reason=reason, exit_code=127)
        if _NOT_EXECUTABLE.search(reason):
            return CommandNotFound(command, reason=reason, exit_code=126)
    return RuntimeFailed(verb, stderr=text)


def _read_pid(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() else None
