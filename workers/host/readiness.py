"""When a product that was just started is ready, and when it never will be."""

import time
from collections.abc import Sequence
from pathlib import Path

from workers.host.errors import HostError
from workers.host.health import is_web_healthy
from workers.host.stack import Stack
from workers.host.supervision import ProcessState, Supervisor

READY_SECONDS = 90.0
POLL_SECONDS = 0.05
SETTLED_SECONDS = 5
HOPELESS_STARTS = 4
TAIL_LINES = 15


class Starts:
    """How often each process was started while we looked on."""

    def __init__(self) -> None:
        self._by_name: dict[str, set[int]] = {}

    def note(self, states: Sequence[ProcessState]) -> None:
        """Count what *states* show."""
        for state in states:
            if state.started:
                self._by_name.setdefault(state.name, set()).add(state.started)

    def is_settled(self, state: ProcessState) -> bool:
        """Return whether a process runs that never failed, or has not for a while."""
        has_failed = len(self._by_name.get(state.name, ())) > 1
        return state.is_running and (not has_failed or state.uptime_seconds >= SETTLED_SECONDS)

    def is_hopeless(self) -> bool:
        """Return whether some process was started once too often."""
        return any(len(times) >= HOPELESS_STARTS for times in self._by_name.values())


def wait_until_ready(stack: Stack) -> None:
    """
    Return once every process of *stack* runs and the web process says that it is well.

    Raises `HostError` with the end of the guilty log as soon as that is not to be expected.
    """
    supervisor, starts = Supervisor(stack), Starts()
    deadline = time.monotonic() + READY_SECONDS
    while True:
        states = supervisor.list_states()
        starts.note(states)
        if all(starts.is_settled(state) for state in states) and _is_served(stack):
            return
        if time.monotonic() > deadline or starts.is_hopeless():
            raise HostError(explain(states, starts))
        time.sleep(POLL_SECONDS)


def explain(states: Sequence[ProcessState], starts: Starts) -> str:
    """Return which of *states* keeps the product from being ready, with the end of its log."""
    guilty = next((state for state in states if not starts.is_settled(state)), states[0])
    return (
        f"The product did not become ready: {guilty.name} is {guilty.state.lower()}.\n"
        f"The end of its log, {guilty.log}:\n{read_tail(guilty.log)}"
    )


def read_tail(path: Path, lines: int = TAIL_LINES) -> str:
    """Return the last *lines* of the file *path*, or that it is empty or missing."""
    try:
        text = path.read_text(errors="replace")
    except OSError as e:
        return f"  ({e.strerror})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"


def _is_served(stack: Stack) -> bool:
    return not stack.has_process("web") or is_web_healthy(stack.local_address)
