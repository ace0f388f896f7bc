"""`./shipshape status`: what runs, since when, with how much memory."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from workers.host.console import render_bytes, render_table, say
from workers.host.containers import count_running
from workers.host.memory import measure_tree
from workers.host.options import make_parser, stack_of
from workers.host.stack import Stack
from workers.host.supervision import Supervisor

MANAGER = "supervisor"


@dataclass(frozen=True)
class ProcessStatus:
    """One process of the product as a person asks about it."""

    name: str
    state: str
    pid: int
    uptime_seconds: int
    memory_bytes: int


@dataclass(frozen=True)
class Status:
    """A stack at one moment; *running_containers* is None where nobody can say."""

    is_up: bool
    url: str
    processes: tuple[ProcessStatus, ...]
    memory_bytes: int
    running_containers: int | None

    @property
    def is_well(self) -> bool:
        """Whether everything that should run does."""
        return self.is_up and all(process.state == "running" for process in self.processes)


def status(arguments: Sequence[str]) -> int:
    """Print the state of the product and return 0 if everything that should run does."""
    parser = make_parser("status", "What runs, since when, with how much memory.")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    found = read_status(stack_of(options).with_record())
    if options.json:
        say(json.dumps({**asdict(found), "is_well": found.is_well}, indent=1))
    else:
        say(render_status(found))
    return 0 if found.is_well else 1


def read_status(stack: Stack) -> Status:
    """Return the state of *stack* now, whether it runs or not."""
    supervisor = Supervisor(stack)
    containers = count_running(stack)
    if not supervisor.is_running():
        return Status(
            is_up=False,
            url=stack.public_url,
            processes=(),
            memory_bytes=0,
            running_containers=containers,
        )
    processes = _read_processes(supervisor)
    return Status(
        is_up=True,
        url=stack.public_url,
        processes=processes,
        # The manager is the parent of all others, so its own row would count them twice.
        memory_bytes=measure_tree(supervisor.pid()),
        running_containers=containers,
    )


def render_status(found: Status) -> str:
    """Return *found* as a person reads it."""
    containers = "?" if found.running_containers is None else str(found.running_containers)
    if not found.is_up:
        return f"not running; {containers} running containers\nstart it: ./shipshape up"
    rows = [("PROCESS", "STATE", "PID", "UP", "MEMORY")]
    rows += [
        (p.name, p.state, str(p.pid or "-"), render_uptime(p), render_bytes(p.memory_bytes))
        for p in found.processes
    ]
    total = f"{render_bytes(found.memory_bytes)} in all, {containers} running containers"
    return f"{render_table(rows)}\n\n{total}\n{found.url}"


def render_uptime(process: ProcessStatus) -> str:
    """Return how long *process* has been running, as hours, minutes and seconds."""
    return str(timedelta(seconds=process.uptime_seconds)) if process.pid else "-"


def _read_processes(supervisor: Supervisor) -> tuple[ProcessStatus, ...]:
    return tuple(
        ProcessStatus(
            name=state.name,
            state=state.state.lower(),
            pid=state.pid,
            uptime_seconds=state.uptime_seconds,
            memory_bytes=measure_tree(state.pid),
        )
        for state in supervisor.list_states()
    )
