"""Staying with a running stack at a terminal, and stopping it on Ctrl-C."""

import signal
import subprocess
import time
from collections.abc import Sequence

from workers.host.console import say
from workers.host.errors import HostError
from workers.host.stack import Stack
from workers.host.supervision import ProcessState, Supervisor

WATCH_SECONDS = 1.0


def treat_endings_as_ctrl_c() -> None:
    """Let a request to end, or a terminal that is closed, be what Ctrl-C is."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def stay(stack: Stack, process: subprocess.Popen[bytes]) -> None:
    """Say what changes among the processes of *stack* until somebody else stops it."""
    say("Ctrl-C stops it; containers go on.")
    _watch(Supervisor(stack), process)


def describe_changes(before: Sequence[ProcessState], now: Sequence[ProcessState]) -> list[str]:
    """Return a line for each process whose state is another than *before*."""
    old = {state.name: state for state in before}
    return [
        _describe(state)
        for state in now
        if state.name in old
        and (state.state, state.pid) != (old[state.name].state, old[state.name].pid)
    ]


def _describe(state: ProcessState) -> str:
    if state.is_running:
        return f"{state.name}: running again (process {state.pid})"
    code = f", exit code {state.exit_code}" if state.has_ended else ""
    return f"{state.name}: {state.state.lower()}{code}; log: {state.log}"


def _watch(supervisor: Supervisor, process: subprocess.Popen[bytes]) -> None:
    before = supervisor.list_states()
    while process.poll() is None:
        time.sleep(WATCH_SECONDS)
        try:
            now = supervisor.list_states()
        except HostError:
            continue
        for line in describe_changes(before, now):
            say(line)
        before = now


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
