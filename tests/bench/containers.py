"""
How fast containers come, work and go, side by side with the engines that are installed.

    run, run none   `run --rm` of `true`, with the default network and without any
    start, stop     of a container that exists; it is killed at once
    exec            of `true` in one that runs
    create, prune   of so many containers, one after the other; all at once
    starts          of 50 containers at once
    list N          of so many containers that do not run; only ours beyond the 200 above
    memory          of what watches over one running container, in bytes
    logs            of 300,000 lines to somebody who follows them

`shipshape` is the engine called by a process that has it open; `with docker` is the same through
docker's client and our API, as the peers are used. Everything runs in a network namespace of its
own, the engines keep to their own directories, and they take turns. What an engine keeps of what
runs is in memory, as a host's /run is.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.engine import Engine
from engine.oci.reference import Reference
from engine.system.paths import EnginePaths
from tests.bench.actors import (
    IMAGE,
    OURS,
    OURS_BY_DOCKER,
    Actor,
    Ours,
    Samples,
    Workbench,
    workbench,
)
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CASES = ("run", "run none", "start", "exec", "stop", "create", "starts", "list", "memory", "logs")
LINES = 300_000
SIZES = (10, 100, 1_000, 10_000)
AT_ONCE = 50
WATCHED = 10
INSIDE = "SHIPSHAPE_BENCH_INSIDE"
WATCHERS = ("conmon", "containerd-shim", "dockerd", "containerd")


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench containers", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--many", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES)
    parser.add_argument("--alone", action="store_true", help="without the other engines")
    options = parser.parse_args(arguments)
    if not os.environ.get(INSIDE):
        return _apart(arguments)
    # Whoever ends it wants nothing left either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with workbench(alone=options.alone) as bench:
        try:
            for case in options.only:
                say(f"measuring {case} …")
                _MEASURES[case](bench, options.rounds, options.many)
        finally:
            # What was measured until something failed counts.
            say(render(bench.samples))
            if options.json:
                options.json.write_text(json.dumps(bench.samples, indent=1))
    return 0


def _apart(arguments: Sequence[str]) -> int:
    """Run the same in a network namespace of its own: bridges and rules go with it."""
    words = ["unshare", "--net", sys.executable, "-c", _PROGRAM, *arguments]
    return subprocess.run(words, check=False, env={**os.environ, INSIDE: "1"}).returncode


_PROGRAM = "import sys; from tests.bench.containers import main; sys.exit(main(sys.argv[1:]))"


# --- What is measured ---------------------------------------------------------------------------


def _run(bench: Workbench, rounds: int, _: int) -> None:
    for actor in bench.turns(rounds):
        bench.timed("run --rm", actor, actor.run, "bridge", "true")


def _run_none(bench: Workbench, rounds: int, _: int) -> None:
    for actor in bench.turns(rounds):
        bench.timed("run --rm, no network", actor, actor.run, "none", "true")


def _start(bench: Workbench, rounds: int, _: int) -> None:
    for actor in bench.turns(rounds):
        container = actor.create("sleep", "1000")
        bench.timed("start", actor, actor.start, container)
        actor.remove(container)


def _exec(bench: Workbench, rounds: int, _: int) -> None:
    running = {actor.name: actor.create("sleep", "1000") for actor in bench.actors}
    for actor in bench.actors:
        actor.start(running[actor.name])
    for actor in bench.turns(rounds):
        bench.timed("exec", actor, actor.execute, running[actor.name])
    for actor in bench.actors:
        actor.remove(running[actor.name])


def _stop(bench: Workbench, rounds: int, _: int) -> None:
    for actor in bench.turns(rounds):
        container = actor.create("sleep", "1000")
        actor.start(container)
        bench.timed("stop", actor, actor.stop, container)
        actor.remove(container)


def _create(bench: Workbench, _: int, many: int) -> None:
    for actor in bench.actors:
        bench.timed(f"create {many}", actor, _create_many, actor, many)
        for _ in range(3):
            bench.timed(f"list {many}", actor, actor.list_all)
        bench.timed(f"prune {many}", actor, actor.prune)


def _create_many(actor: Actor, many: int) -> None:
    for _ in range(many):
        actor.create("true")


def _map(pool: ThreadPoolExecutor, act: Callable[[str], None], containers: list[str]) -> None:
    list(pool.map(act, containers))


def _starts(bench: Workbench, _: int, __: int) -> None:
    for actor in bench.actors:
        containers = [actor.create("sleep", "1000") for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            bench.timed(f"{AT_ONCE} starts at once", actor, _map, pool, actor.start, containers)
            list(pool.map(actor.remove, containers))


def _list(bench: Workbench, rounds: int, _: int) -> None:
    place = bench.directory / "many"
    with Engine.open(EnginePaths(place / "r", place / "v")) as engine:
        with (bench.directory / "image.tar").open("rb") as stream:
            engine.images.import_tar(stream, reference=Reference.parse(IMAGE))
        ours, known = Ours(engine, name=OURS), 0
        for size in SIZES:
            _fill(engine, ours, known, size)
            known = size
            for _ in range(rounds):
                bench.timed(f"list {size}", ours, ours.list_all)


def _fill(engine: Engine, ours: Ours, known: int, size: int) -> None:
    """Let there be *size* containers, as records: making each for real takes minutes."""
    means = engine.containers._means
    model = means.store.get(ours.create("true"))
    with means.database.write():
        for number in range(known + 1, size):
            means.store.insert(replace(model, id=f"{number:064x}", name=f"many-{number}"))


def _memory(bench: Workbench, _: int, __: int) -> None:
    for actor in bench.actors:
        before = _watching_bytes(bench.directory)
        containers = [actor.create("sleep", "1000") for _ in range(WATCHED)]
        for each in containers:
            actor.start(each)
        bench.note("memory", actor, (_watching_bytes(bench.directory) - before) / WATCHED)
        for each in containers:
            actor.remove(each)


def _watching_bytes(directory: Path) -> int:
    """Return the proportional memory of everything that watches over our containers, and of us."""
    found = _proportional(os.getpid())
    for each in Path("/proc").iterdir():
        if each.name.isdecimal() and _is_watcher(each, os.fsencode(directory.name)):
            found += _proportional(int(each.name))
    return found


def _is_watcher(process: Path, directory: bytes) -> bool:
    try:
        name = (process / "comm").read_text()
        words = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return directory in words and (name.startswith(WATCHERS) or b"engine\0serve" in words)


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    line = next((each for each in text.splitlines() if each.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024


def _logs(bench: Workbench, _: int, __: int) -> None:
    expected = sum(len(str(number)) + 1 for number in range(1, LINES + 1))
    for actor in [*bench.actors, *bench.actors]:
        container = actor.create("seq", str(LINES))
        start = time.perf_counter()
        actor.start(container)
        found = actor.follow(container)
        elapsed = time.perf_counter() - start
        # dockerd's followers may miss the end; what came counts as the share that it is.
        assert found == expected or actor.name not in {OURS, OURS_BY_DOCKER}, (found, expected)
        bench.note(f"logs, {LINES:,} lines", actor, elapsed * expected / max(found, 1))
        actor.remove(container)


_MEASURES = {
    "run": _run,
    "run none": _run_none,
    "start": _start,
    "exec": _exec,
    "stop": _stop,
    "create": _create,
    "starts": _starts,
    "list": _list,
    "memory": _memory,
    "logs": _logs,
}


def render(samples: Samples) -> str:
    """Return a table of medians, and of ours in relation to each peer's."""
    names = dict.fromkeys(who for values in samples.values() for who in values)
    peers = [who for who in names if who not in {OURS, OURS_BY_DOCKER}]
    shown = [who for who in (OURS, OURS_BY_DOCKER) if who in names] + peers
    ratios = [(ours, peer) for peer in peers for ours in (OURS, OURS_BY_DOCKER) if ours in names]
    head = ("CASE", *map(str.upper, shown), *(f"{ours} / {peer}".upper() for ours, peer in ratios))
    rows: list[tuple[str, ...]] = [head]
    for case, values in samples.items():
        medians = {who: statistics.median(found) for who, found in values.items()}
        cells = [_shown(case, medians.get(who)) for who in shown]
        rows.append((case, *cells, *(_ratio(medians, *pair) for pair in ratios)))
    return render_table(rows)


def _ratio(medians: dict[str, float], ours: str, peer: str) -> str:
    return f"{medians[ours] / medians[peer]:.2f}" if ours in medians and peer in medians else ""


def _shown(case: str, value: float | None) -> str:
    if value is None:
        return ""
    if case == "memory":
        return f"{value / 2**20:.2f} MiB"
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"
