"""The monitor of a command in a running container: as a container's own, but for one exec."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.containers.exec_record import read_number
from engine.containers.monitor import MAX_CELLS, RESIZE, failure_of
from engine.errors import Failed, RuntimeFailed, SystemFailure, from_oserror
from engine.system.entering.order import Order
from engine.system.marks import end_holders, is_held, marked
from engine.system.processes import has_argument, kill_and_wait, tell_by_pipe, wait_until_gone
from engine.system.runner import Pipes, start_conversation
from engine.system.sockets import connect_packets

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from engine.containers.exec_record import ExecPlace
    from engine.containers.runtime import Programs
    from engine.system.entering.entry import Entry
    from engine.system.entering.spawner import Spawner

START_SECONDS = 60.0
ABORT_SECONDS = 10.0
NOT_STARTED = "exec failed: unable to start container process"
PIPES = Pipes(report="_OCI_SYNCPIPE", start="_OCI_STARTPIPE", ready="_OCI_ATTACHPIPE")


@dataclass(frozen=True, slots=True)
class ExecLaunch:
    """
    A command to be run: its process is written down already.

    With an *entry* it can be started without the runtime.
    """

    place: ExecPlace
    tty: bool = False
    open_stdin: bool = False
    entry: Entry | None = None


class ExecMonitor(Protocol):
    """Runs commands in running containers."""

    def start(self, launch: ExecLaunch) -> socket.socket:
        """
        Run the command and return a connection over which its output comes from the first byte.

        Once it has ended there is an exit file. Raises `CommandNotFound` or `RuntimeFailed` when
        it could not be run.
        """

    def is_watching(self, place: ExecPlace) -> bool:
        """Whether the exec has a monitor, so that an exit file will come or is there."""

    def wait(self, place: ExecPlace, *, timeout: float) -> bool:
        """Return True once the exec has no monitor; False when *timeout* seconds passed."""

    def resize(self, place: ExecPlace, *, rows: int, columns: int) -> None:
        """Give the exec's terminal a size; one that has ended is fine."""

    def kill(self, place: ExecPlace) -> None:
        """End the command by force, and its monitor with it; one that has ended is fine."""

    def abort(self, places: Sequence[ExecPlace], *, grace: float) -> bool:
        """End the monitors that do not end by themselves in *grace* seconds; True once all have."""


class LinuxExecMonitor:
    """
    An `ExecMonitor` that is one process for each exec.

    Where the command can be started without the runtime, that is a watcher of our own; else it is
    conmon, which has the runtime start the command.
    """

    def __init__(self, programs: Programs, spawner: Spawner) -> None:
        self._programs = programs
        self._spawner = spawner

    def start(self, launch: ExecLaunch) -> socket.socket:
        """Start the monitor, and connect to it before it runs the command."""
        if launch.entry and self._programs.runtime.is_runc and self._spawner.is_possible():
            return self._spawn(launch, launch.entry)
        return self._start_conmon(launch)

    def _spawn(self, launch: ExecLaunch, entry: Entry) -> socket.socket:
        place = launch.place
        try:
            place.entry.write_bytes(entry.render())
        except OSError as error:
            raise from_oserror(error, "write down the command") from error
        try:
            with marked(place.mark) as mark:
                connection, complaint = self._spawner.spawn(_order(launch), mark)
        except SystemFailure as error:
            # What was not begun yet never will be.
            place.entry.unlink(missing_ok=True)
            self._end_process(place)
            self.abort([place], grace=0.0)
            raise RuntimeFailed("exec in", stderr=error.message) from error
        if complaint:
            connection.close()
            raise failure_of(f"{NOT_STARTED}: {complaint}", verb="exec in")
        return connection

    def _start_conmon(self, launch: ExecLaunch) -> socket.socket:
        place = launch.place
        with marked(place.mark) as mark:
            finished, connection = start_conversation(
                self._words(launch),
                pipes=PIPES,
                inherits=mark,
                timeout=START_SECONDS,
                connect=lambda: _connected(place),
                cwd=place.directory,
            )
        try:
            _check_report(finished.stdout, finished.complaint)
        except Failed:
            if connection is not None:
                connection.close()
            raise
        if connection is None:
            raise RuntimeFailed("exec in", stderr="its monitor cannot be reached")
        return connection

    def is_watching(self, place: ExecPlace) -> bool:
        """Whether the process lives that was noted as the monitor, or is about to note itself."""
        return self._has_monitor(place) or is_held(place.mark)

    def _has_monitor(self, place: ExecPlace) -> bool:
        pid = read_number(place.monitor_pid_file)
        return pid is not None and has_argument(pid, place.bundle.id)

    def wait(self, place: ExecPlace, *, timeout: float) -> bool:
        """Wait for the end of the monitor, which comes right after the exit file."""
        pid = read_number(place.monitor_pid_file)
        return pid is None or wait_until_gone(pid, place.bundle.id, timeout=timeout)

    def resize(self, place: ExecPlace, *, rows: int, columns: int) -> None:
        """Tell the monitor."""
        rows, columns = min(rows, MAX_CELLS), min(columns, MAX_CELLS)
        tell_by_pipe(place.control_pipe, f"{RESIZE} {rows} {columns}\n".encode())

    def kill(self, place: ExecPlace) -> None:
        """Kill the command's process, unless its monitor has seen it end; then the monitor ends."""
        self._end_process(place)
        self.abort([place], grace=ABORT_SECONDS)

    def _end_process(self, place: ExecPlace) -> None:
        pid = read_number(place.pid_file)
        if pid is not None and self._has_monitor(place) and not place.exit_file.exists():
            kill_and_wait([pid])

    def abort(self, places: Sequence[ExecPlace], *, grace: float) -> bool:
        """Wait a moment, then end whatever holds their marks."""
        deadline = time.monotonic() + grace
        for each in places:
            self.wait(each, timeout=max(0.0, deadline - time.monotonic()))
        ended = [end_holders(each.mark, timeout=ABORT_SECONDS) for each in places]
        return all(ended)

    def _words(self, launch: ExecLaunch) -> list[str]:
        place, runtime = launch.place, self._programs.runtime
        words = [self._programs.conmon, "--api-version", "1"]
        words += ["--cid", place.bundle.id, "--cuuid", place.bundle.id]
        words += ["--runtime", runtime.path, "--bundle", str(place.directory)]
        words += ["--exec", "--exec-attach", "--exec-process-spec", str(place.process)]
        words += ["--container-pidfile", str(place.pid_file)]
        words += ["--conmon-pidfile", str(place.monitor_pid_file)]
        words += ["--persist-dir", str(place.directory), "--full-attach"]
        words += ["--log-path", "none", "--log-level", "error", "--no-sync-log"]
        for argument in runtime.arguments:
            words += ["--runtime-arg", argument]
        words += ["--leave-stdin-open"] * launch.tty
        return words + ["--terminal"] * launch.tty + ["--stdin"] * launch.open_stdin


def _order(launch: ExecLaunch) -> Order:
    place = launch.place
    return Order(
        container=place.bundle.id,
        entry=str(place.entry),
        watcher_number=str(place.monitor_pid_file),
        number=str(place.pid_file),
        exit_code=str(place.exit_file),
        orders=str(place.control_pipe),
        has_input=launch.open_stdin,
    )


def _connected(place: ExecPlace) -> socket.socket | None:
    try:
        return connect_packets(place.attach_socket)
    except OSError:
        # It has ended; its report says why.
        return None


def _check_report(lines: bytes, complaint: str) -> None:
    # The first is about the start; of one that ends at once there may be a second already.
    line = lines.partition(b"\n")[0]
    try:
        report = json.loads(line or b"{}")
    except ValueError:
        report = {}
    if report.get("data", -1) <= 0:
        raise failure_of(str(report.get("message") or complaint), verb="exec in")
