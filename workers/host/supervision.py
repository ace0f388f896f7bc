"""Talking to the process manager of a stack, over its socket."""

import http.client
import subprocess
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped,unused-ignore]

from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.errors import HostError
from workers.host.processes import REDIS, list_processes
from workers.host.stack import Stack

START_SECONDS = 10.0
STOP_SECONDS = 30.0
TICK = 0.05
RUNNING = "RUNNING"
ENDED = frozenset({"STOPPED", "EXITED", "FATAL", "BACKOFF"})


@dataclass(frozen=True)
class ProcessState:
    """What the process manager knows of one process."""

    name: str
    state: str
    pid: int
    started: int
    uptime_seconds: int
    exit_code: int
    log: Path

    @property
    def is_running(self) -> bool:
        """Whether it runs now."""
        return self.state == RUNNING

    @property
    def has_ended(self) -> bool:
        """Whether no process of that name exists now, to be restarted or not."""
        return self.state in ENDED


class Supervisor:
    """
    The process manager of *stack*, there or not.

    Where it is not, whatever asks something of it raises `HostError`.
    """

    def __init__(self, stack: Stack) -> None:
        self._socket = stack.supervisor_socket

    def is_there(self) -> bool:
        """Return whether there is a process manager at all, be it about to end."""
        return self._find_state() is not None

    def is_running(self) -> bool:
        """Return whether there is a process manager that is not about to end."""
        return self._find_state() == RUNNING

    def pid(self) -> int:
        """Return the process ID of the process manager itself."""
        return int(self._call("getPID"))

    def list_states(self) -> list[ProcessState]:
        """Return the state of every process, in the order of the Procfile."""
        order = [process.name for process in list_processes()]
        states = [read_state(info) for info in self._call("getAllProcessInfo")]
        return sorted(states, key=lambda state: order.index(state.name))

    def stop(self) -> None:
        """
        End every process and the process manager; Redis last, since the others speak to it.

        Returns when all have ended. One that does not end by itself is killed.
        """
        running = [state.name for state in self.list_states() if not state.has_ended]
        self._end([name for name in running if name != REDIS])
        self._end([name for name in running if name == REDIS])
        manager = self.pid()
        self._call("shutdown")
        # It goes through its list one entry for each time it is woken, so asking speeds it up;
        # and it closes its socket a moment before it ends.
        _wait(
            lambda: not self.is_there() and not is_alive(manager),
            what="Stopping the process manager",
        )

    def wait_until_gone(self) -> None:
        """Return as soon as no process manager is there."""
        _wait(lambda: not self.is_there(), what="Stopping the process manager")

    @property
    def _rpc(self) -> Any:
        # Anew for each call: a connection that failed once would fail for ever.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        return cast("Any", proxy).supervisor

    def _find_state(self) -> str | None:
        if not self._socket.exists():
            return None
        try:
            return str(self._rpc.getState()["statename"])
        except xmlrpc.client.Fault:
            # The one thing that it refuses to tell is that it is about to end.
            return "SHUTDOWN"
        except (OSError, http.client.HTTPException):
            return None

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._rpc, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.Fault) as e:
            raise HostError(f"The process manager does not answer: {e}.") from e

    def _end(self, names: Sequence[str]) -> None:
        for name in names:
            self._stop_without_waiting(name)
        _wait(lambda: self._have_ended(names), what=f"Stopping {', '.join(names)}")

    def _stop_without_waiting(self, name: str) -> None:
        try:
            self._rpc.stopProcess(name, False)  # noqa: FBT003  (the protocol knows no names)
        except xmlrpc.client.Fault:
            # It ended between our looking and our asking.
            return

    def _have_ended(self, names: Sequence[str]) -> bool:
        return all(state.has_ended for state in self.list_states() if state.name in names)


def start_supervisor(stack: Stack, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """
    Start the process manager of *stack* and return it once it answers.

    It is in a session of its own: Ctrl-C at our terminal reaches us, not it.
    """
    argv = [str(PYTHON), "-m", "supervisor.supervisord", "-c", str(stack.supervisor_conf)]
    complaints = stack.logs / "supervisord.err"
    with complaints.open("wb") as errors:
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=CHECKOUT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    supervisor = Supervisor(stack)
    try:
        _wait(
            lambda: process.poll() is not None or supervisor.is_running(),
            what="Starting the process manager",
            seconds=START_SECONDS,
        )
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.poll() is not None:
        said = complaints.read_text(errors="replace")
        raise HostError(f"The process manager did not start:\n{said}".rstrip())
    return process


def read_state(info: Mapping[str, Any]) -> ProcessState:
    """Return the state that the process manager describes in *info*."""
    alive = bool(info["pid"])
    return ProcessState(
        name=str(info["name"]),
        state=str(info["statename"]),
        pid=int(info["pid"]),
        started=int(info["start"]),
        uptime_seconds=int(info["now"]) - int(info["start"]) if alive else 0,
        exit_code=int(info["exitstatus"]),
        log=Path(str(info["stdout_logfile"])),
    )


def is_alive(pid: int) -> bool:
    """Return whether the process *pid* runs; one that ended and waits for its parent does not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return words[0] not in {"Z", "X"}


def _wait(condition: Any, *, what: str, seconds: float = STOP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise HostError(f"{what} is not done after {seconds:.0f} s.")
        time.sleep(TICK)
