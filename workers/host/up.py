"""`./shipshape up` and `setup`: from whatever is there to a product that answers."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workers.host.assets import ensure_assets
from workers.host.cgroups import make_room_for_groups
from workers.host.checkout import CHECKOUT
from workers.host.console import say
from workers.host.doctor import list_obstacles_to_start
from workers.host.errors import HostError
from workers.host.facts import probe
from workers.host.foreground import stay, treat_endings_as_ctrl_c
from workers.host.health import is_port_taken
from workers.host.launch import confined
from workers.host.options import add_address_options, make_parser, stack_of
from workers.host.packages import RUNTIME, ensure_packages
from workers.host.prepare import prepare
from workers.host.readiness import wait_until_ready
from workers.host.stack import Stack, render_environment
from workers.host.supervision import Supervisor, start_supervisor

POLL_SECONDS = 0.05
ORPHAN_SECONDS = 10.0


def up(arguments: Sequence[str]) -> int:
    """Start the product, print its address, and stay with it unless asked to detach."""
    parser = make_parser("up", "Set up what is missing, start the product, print its address.")
    add_address_options(parser)
    parser.add_argument("--detach", action="store_true", help="return as soon as it is ready")
    parser.add_argument("--only", default="", help="some processes only: worker,agent,api")
    options = parser.parse_args(arguments)
    stack = stack_of(options)
    stack = replace(stack, only=tuple(options.only.split(",")) if options.only else ())
    supervisor = Supervisor(stack)
    if supervisor.is_running():
        return _say_running(stack)
    supervisor.wait_until_gone()
    try:
        treat_endings_as_ctrl_c()
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
    make_room_for_groups()
    environment = prepare(stack, caller)
    process = start_supervisor(stack, environment)
    try:
        asked = _ask_for_token(environment) if stack.has_process("web") else None
        wait_until_ready(stack)
        say(f"\n  Shipshape is ready: {_describe(stack, asked)}\n")
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
    has_web = running.has_process("web")
    asked = _ask_for_token(render_environment(running, os.environ)) if has_web else None
    say(f"already running: {_describe(running, asked)}")
    return 0


def _describe(stack: Stack, asked: subprocess.Popen[str] | None) -> str:
    if asked is None:
        return ", ".join(stack.only)
    return _read_token(asked) or stack.public_url


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
