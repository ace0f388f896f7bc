"""`./shipshape up` and `setup`: from whatever is there to a product that answers."""

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from workers.host.assets import ensure_assets
from workers.host.checkout import CHECKOUT
from workers.host.console import say
from workers.host.doctor import list_obstacles_to_start
from workers.host.errors import HostError
from workers.host.facts import probe
from workers.host.foreground import stay
from workers.host.health import is_port_taken, is_web_healthy
from workers.host.launch import confined
from workers.host.options import add_address_options, make_parser, stack_of
from workers.host.packages import RUNTIME, ensure_packages
from workers.host.prepare import prepare
from workers.host.stack import Stack, render_environment
from workers.host.supervision import ProcessState, Supervisor, start_supervisor

READY_SECONDS = 90.0
POLL_SECONDS = 0.05
ORPHAN_SECONDS = 10.0
HOPELESS_STARTS = 4
TAIL_LINES = 15


def up(arguments: Sequence[str]) -> int:
    """Start the product, print its address, and stay with it unless asked to detach."""
    parser = make_parser("up", "Set up what is missing, start the product, print its address.")
    add_address_options(parser)
    parser.add_argument("--detach", action="store_true", help="return as soon as it is ready")
    parser.add_argument("--only", default="", help="some processes only: worker,agent")
    options = parser.parse_args(arguments)
    stack = stack_of(options)
    stack = replace(stack, only=tuple(options.only.split(",")) if options.only else ())
    supervisor = Supervisor(stack)
    if supervisor.is_running():
        return _say_running(stack)
    supervisor.wait_until_gone()
    try:
        process = start(stack, os.environ)
        if options.detach:
            return 0
        stay(stack, process)
    except KeyboardInterrupt:
        say("\nstopping")
        if supervisor.is_running():
            supervisor.stop()
    say("stopped; containers go on")
    return 0


def setup(arguments: Sequence[str]) -> int:
    """Set up what `up` needs of the machine and of the checkout, starting nothing."""
    parser = make_parser("setup", "Set up what `up` needs, starting nothing.")
    parser.add_argument("--checkout-only", action="store_true", help="no system packages")
    if not parser.parse_args(arguments).checkout_only:
        ensure_packages(RUNTIME)
    ensure_assets()
    return 0


def start(stack: Stack, caller: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """
    Set up and start *stack*; return its process manager once the product answers.

    If it does not become ready, what was started is stopped again and `HostError` names the log.
    """
    _wait_for_orphans(stack)
    _refuse_if_hopeless(stack, caller)
    ensure_packages(RUNTIME)
    ensure_assets()
    environment = prepare(stack, caller)
    process = start_supervisor(stack, environment)
    try:
        asked = _ask_for_token(environment) if stack.has_process("web") else None
        _wait_until_ready(stack)
        where = _read_token(asked) or stack.public_url if asked else ", ".join(stack.only)
        say(f"\n  Shipshape is ready: {where}\n")
    except BaseException:
        Supervisor(stack).stop()
        process.wait()
        raise
    return process


def _refuse_if_hopeless(stack: Stack, caller: Mapping[str, str]) -> None:
    obstacles = list_obstacles_to_start(probe(stack, caller))
    if obstacles:
        raise HostError(
            "\n".join(finding.problem for finding in obstacles),
            remedy="\n".join(finding.remedy for finding in obstacles),
        )


def _wait_for_orphans(stack: Stack) -> None:
    # The socket of a process manager that was killed: its processes are ending right now.
    deadline = time.monotonic() + ORPHAN_SECONDS
    while stack.supervisor_socket.exists() and is_port_taken((stack.bind, stack.port)):
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)


def _say_running(stack: Stack) -> int:
    running = stack.with_record()
    if (running.root, running.data) != (stack.root, stack.data):
        raise HostError(
            f"Another product, with --root {running.root}, runs in {stack.run}.",
            remedy="Give this one a --run of its own, besides --root, --data and --port.",
        )
    token = _read_token(_ask_for_token(render_environment(running, os.environ)))
    say(f"already running: {token or running.public_url}")
    return 0


def _ask_for_token(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    # Django takes its second here while the processes take theirs.
    return subprocess.Popen(
        confined(["python", "manage.py", "setup_token", "--url"]),
        env=environment,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _read_token(asked: subprocess.Popen[str]) -> str:
    written, said = asked.communicate()
    if asked.returncode != 0:
        raise HostError(f"The set-up token could not be made:\n{said[-2000:]}".rstrip())
    return written.strip()


def _wait_until_ready(stack: Stack) -> None:
    supervisor = Supervisor(stack)
    starts: set[tuple[str, int]] = set()
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(stack, states := supervisor.list_states()):
        starts |= {(state.name, state.started) for state in states if state.has_ended}
        if time.monotonic() > deadline or has_hopeless(starts):
            raise HostError(_explain(states))
        time.sleep(POLL_SECONDS)


def _is_ready(stack: Stack, states: Sequence[ProcessState]) -> bool:
    is_served = not stack.has_process("web") or is_web_healthy(stack.local_address)
    return is_served and all(state.is_running for state in states)


def has_hopeless(failed_starts: Iterable[tuple[str, int]]) -> bool:
    """Return whether some process was started, at different times, and failed once too often."""
    counts = Counter(name for name, _ in failed_starts)
    return any(count >= HOPELESS_STARTS for count in counts.values())


def _explain(states: Sequence[ProcessState]) -> str:
    guilty = next((state for state in states if not state.is_running), states[0])
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
