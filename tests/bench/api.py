"""
How fast the Docker API answers, side by side with dockerd, through the same connections and client.

    ping, inspect   one question over a connection that is kept
    ps N            a list of all, with so many containers made before
    create          a container, and its removal outside the measurement
    run --rm        `docker run --rm IMAGE true`, the default network
    exec            `docker exec` of true in a container that runs
    logs            megabytes a second of a long log
    idle            resident memory of the server, in bytes, before anything was asked
    ps in pulls     one list while three pulls run, with nothing else changed; ours alone

The two take turns, so that what the machine does besides hits both.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.docker_cli import IMAGE, DockerCli, our_engine, real_dockerd
from tests.support.own_network import leave_the_network
from tests.support.services import running_registry
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Samples = dict[str, dict[str, list[float]]]
OURS, PEER = "shipshape", "dockerd"
CASES = ("ping", "inspect", "create", "run --rm", "exec", "logs", "idle", "ps", "ps in pulls")
LOG_LINES = 200_000


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench api", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES)
    parser.add_argument("--alone", action="store_true", help="without dockerd")
    options = parser.parse_args(arguments)
    leave_the_network()
    with ExitStack() as stack:
        samples = measure(Field(stack, alone=options.alone), options)
    say(_table(samples))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1))
    return 0


class Wire:
    """One kept connection to an engine."""

    def __init__(self, path: Path) -> None:
        self._connection = http.client.HTTPConnection("docker")
        self._connection.sock = socket.socket(socket.AF_UNIX)
        self._connection.sock.connect(str(path))

    def ask(self, method: str, target: str, body: Any = None) -> bytes:
        content = None if body is None else json.dumps(body)
        self._connection.request(
            method, target, body=content, headers={"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status < 400, answer
        return answer


class Field:
    """The engines that are measured."""

    def __init__(self, stack: ExitStack, *, alone: bool) -> None:
        self.stack = stack
        self.engines: dict[str, DockerCli] = {OURS: stack.enter_context(our_engine(self.place()))}
        if not alone and shutil.which("dockerd"):
            self.engines[PEER] = stack.enter_context(real_dockerd(self.place()))
        self.idle = {name: float(_resident(each)) for name, each in self.engines.items()}
        self.wires = {name: Wire(each.socket) for name, each in self.engines.items()}

    def place(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="ship-"))
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path


def measure(field: Field, options: argparse.Namespace) -> Samples:
    """Return the samples of every case that is wanted."""
    samples: Samples = {}
    cases = _cases(field)
    for case in options.only:
        if case in cases:
            samples[case] = _alternating(field, cases[case], options.rounds)
    if "logs" in options.only:
        samples["logs MB/s"] = _logs(field)
    if "idle" in options.only:
        samples["idle bytes"] = {name: [value] for name, value in field.idle.items()}
    if "ps in pulls" in options.only:
        samples["ps in pulls"] = {OURS: _ps_in_pulls(field, options.rounds)}
    if "ps" in options.only:
        samples |= _ps(field, options)
    return samples


def _cases(field: Field) -> dict[str, Callable[[str], float]]:
    for cli in field.engines.values():
        cli.ok("run", "-d", "--name", "bench", IMAGE, "sleep", "100000")

    def asked(
        method: str, target: str, body: Any = None, times: int = 20
    ) -> Callable[[str], float]:
        def once(name: str) -> float:
            wire = field.wires[name]
            return _seconds(lambda: [wire.ask(method, target, body) for _ in range(times)]) / times

        return once

    def create(name: str) -> float:
        wire, made = field.wires[name], []
        body = {"Image": IMAGE, "Cmd": ["true"]}
        seconds = _seconds(
            lambda: made.append(json.loads(wire.ask("POST", "/v1.41/containers/create", body)))
        )
        wire.ask("DELETE", f"/v1.41/containers/{made[0]['Id']}")
        return seconds

    def cli(*words: str) -> Callable[[str], float]:
        return lambda name: _seconds(lambda: field.engines[name].ok(*words))

    return {
        "ping": asked("GET", "/_ping"),
        "inspect": asked("GET", "/v1.41/containers/bench/json"),
        "create": create,
        "run --rm": cli("run", "--rm", IMAGE, "true"),
        "exec": cli("exec", "bench", "true"),
    }


def _alternating(field: Field, case: Callable[[str], float], rounds: int) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in field.engines}
    for name in field.engines:
        case(name)
    for _ in range(rounds):
        for name in field.engines:
            samples[name].append(case(name))
    return samples


def _ps(field: Field, options: argparse.Namespace) -> Samples:
    samples: Samples = {}
    made = 0
    for size in sorted(options.sizes):
        for name in field.engines:
            for _ in range(size - made):
                body = {"Image": IMAGE, "Cmd": ["true"]}
                field.wires[name].ask("POST", "/v1.41/containers/create", body)
        made = size
        target = "/v1.41/containers/json?all=1"
        samples[f"ps {size}"] = _alternating(
            field,
            lambda name: _seconds(lambda: field.wires[name].ask("GET", target)),  # noqa: B023
            options.rounds,
        )
    for wire in field.wires.values():
        # Too many for one command line.
        wire.ask("POST", "/v1.41/containers/prune")
    return samples


def _logs(field: Field) -> dict[str, list[float]]:
    line = "x" * 99
    speeds: dict[str, list[float]] = {}
    for name, cli in field.engines.items():
        words = ["sh", "-c", f"yes {line} | head -n {LOG_LINES}"]
        cli.ok("run", "--name", "talk", IMAGE, *words)
        target = "/v1.41/containers/talk/logs?stdout=1"
        size = len(field.wires[name].ask("GET", target)) / 1e6
        speeds[name] = [
            size / _seconds(lambda: field.wires[name].ask("GET", target))  # noqa: B023
            for _ in range(3)
        ]
        cli.ok("rm", "talk")
    return speeds


def _ps_in_pulls(field: Field, rounds: int) -> list[float]:
    """Return how long a list takes while three pulls run one after the other without end."""
    registry = field.stack.enter_context(running_registry(field.place()))
    cli = field.engines[OURS]
    big = ["sh", "-c", "dd if=/dev/urandom of=/big bs=1M count=40"]
    cli.ok("run", "--name", "big", IMAGE, *big)
    names = [registry.reference(f"bench/{n}") for n in range(3)]
    for name in names:
        cli.ok("commit", "big", name)
        cli.ok("push", name)
    cli.ok("rm", "big")
    is_over = threading.Event()

    def pull(name: str) -> None:
        while not is_over.is_set():
            cli.ok("rmi", name)
            cli.ok("pull", name)

    pulls = [threading.Thread(target=pull, args=(name,)) for name in names]
    for each in pulls:
        each.start()
    wire = Wire(cli.socket)
    samples = []
    for _ in range(rounds * 5):
        samples.append(_seconds(lambda: wire.ask("GET", "/v1.41/containers/json")))
        time.sleep(0.05)
    is_over.set()
    for each in pulls:
        each.join()
    return samples


def _resident(cli: DockerCli) -> int:
    status = Path(f"/proc/{cli.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _table(samples: Samples) -> str:
    rows = [("CASE", OURS, PEER, "RATIO")]
    for case, by_engine in samples.items():
        mine = statistics.median(by_engine[OURS])
        other = statistics.median(by_engine[PEER]) if PEER in by_engine else 0.0
        shown = "{:.1f}" if case.startswith(("logs", "idle")) else "{:.4f}"
        rows.append(
            (
                case,
                shown.format(mine),
                shown.format(other) if other else "-",
                f"{mine / other:.2f}" if other else "-",
            )
        )
    return render_table(rows)
