"""
How fast images come, go and travel, side by side with the engines that are installed.

    pull            from a registry on this machine, nothing of it here
    pull again      the same, up to date
    push            to an empty registry
    copy            from there to an empty registry; the peer is skopeo
    save, load      to and from a file
    remove          with all its layers
    peak memory     of the process that pulls, in bytes
    list N, remove at N      with so many images known; no peer, they take minutes to get there

The image is made here: about 300 MB packed, 680 MB unpacked, 50,000 files, 6 layers. Each engine
keeps to directories of its own, and they take turns, so that what the machine does besides hits
all of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.large_image import make_large_image
from tests.support.many_images import add_many
from tests.support.peers import Peer, podman_in, run, running_dockerd
from tests.support.services import running_registry
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Samples = dict[str, dict[str, list[float]]]
CASES = ("pull", "pull again", "push", "copy", "save", "load", "remove", "memory", "growth")
SIZES = (10, 100, 1_000, 10_000)
OURS = "shipshape"


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench images", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES)
    parser.add_argument("--alone", action="store_true", help="without the other engines")
    parser.add_argument("--pull-into", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.pull_into:
        return _pull_into(*options.pull_into)
    # Whoever is ended from outside takes the engines that it started along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with _workbench(options.files, alone=options.alone) as bench:
        samples = measure(bench, options.only, options.rounds)
    say(render(samples))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1))
    return 0


@dataclass
class Workbench:
    """A registry with the image, and every engine in its own directory."""

    directory: Path
    name: str
    engine: Engine
    peers: list[Peer]
    number: int = 0
    samples: Samples = field(default_factory=dict)

    @contextmanager
    def empty_registry(self) -> Iterator[str]:
        """Run a registry that has nothing yet, so that nothing can be taken over from there."""
        self.number += 1
        place = self.directory / f"empty{self.number}"
        place.mkdir()
        with running_registry(place) as registry:
            yield f"{registry.host}/bench/pushed:1"
        shutil.rmtree(place)

    def note(self, case: str, who: str, seconds: float) -> None:
        """Keep one measurement."""
        self.samples.setdefault(case, {}).setdefault(who, []).append(seconds)

    def timed(self, case: str, who: str, act: Callable[[], object]) -> None:
        """Do *act* and keep how long it took."""
        start = time.perf_counter()
        act()
        self.note(case, who, time.perf_counter() - start)


@contextmanager
def _workbench(files: int, *, alone: bool) -> Iterator[Workbench]:
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        say(f"making an image of {files} files …")
        image = make_large_image(directory / "image", files=files)
        (directory / "full").mkdir()
        host = stack.enter_context(running_registry(directory / "full")).host
        name = f"{host}/bench/large:latest"
        _skopeo_copy(f"oci:{image.layout}:latest", f"docker://{name}")
        engine = stack.enter_context(Engine.open(EnginePaths(directory / "r", directory / "v")))
        peers = [] if alone else list(_peers(stack, directory))
        yield Workbench(directory, name, engine, peers)


def _peers(stack: ExitStack, directory: Path) -> Iterator[Peer]:
    if shutil.which("dockerd") and shutil.which("docker"):
        yield stack.enter_context(running_dockerd(directory / "docker"))
    if shutil.which("podman"):
        podman = podman_in(directory / "podman")
        stack.callback(podman, "rmi", "--all", "--force")
        yield podman


def measure(bench: Workbench, cases: Sequence[str], rounds: int) -> Samples:
    """Return the seconds of each case and each engine."""
    for number in range(rounds):
        turns = [OURS, *(peer.name for peer in bench.peers)]
        for who in turns[number % len(turns) :] + turns[: number % len(turns)]:
            if who == OURS:
                _our_round(bench, cases)
            else:
                _their_round(bench, next(p for p in bench.peers if p.name == who), cases)
        if "copy" in cases:
            _copy_round(bench)
    if "memory" in cases:
        _measure_memory(bench)
    if "growth" in cases:
        _measure_growth(bench, rounds)
    return bench.samples


def _our_round(bench: Workbench, cases: Sequence[str]) -> None:
    images, name = bench.engine.images, bench.name
    archive = bench.directory / "ours.tar"

    def save() -> None:
        with archive.open("wb") as out:
            images.save([name], out)

    def load() -> None:
        with archive.open("rb") as stream:
            images.load(stream)

    steps: list[tuple[str, Callable[[], object]]] = [
        ("pull", lambda: images.pull(name)),
        ("pull again", lambda: images.pull(name)),
        ("save", save),
        ("remove", lambda: images.remove(name)),
        ("load", load),
    ]
    for case, act in steps:
        _do(bench, case, OURS, act, cases)
    if "push" in cases:
        with bench.empty_registry() as pushed:
            images.tag(name, pushed)
            bench.timed("push", OURS, lambda: images.push(pushed))
            images.remove(pushed)
    images.remove(name)


def _their_round(bench: Workbench, peer: Peer, cases: Sequence[str]) -> None:
    name = bench.name
    archive = bench.directory / f"{peer.name}.tar"
    archive.unlink(missing_ok=True)
    plain = ("--tls-verify=false",) if peer.name == "podman" else ()
    steps: list[tuple[str, Callable[[], object]]] = [
        ("pull", lambda: peer("pull", "-q", *plain, name)),
        ("pull again", lambda: peer("pull", "-q", *plain, name)),
        ("save", lambda: peer("save", "-o", str(archive), name)),
        ("remove", lambda: peer("rmi", name)),
        ("load", lambda: peer("load", "-q", "-i", str(archive))),
    ]
    for case, act in steps:
        _do(bench, case, peer.name, act, cases)
    if "push" in cases:
        with bench.empty_registry() as pushed:
            peer("tag", name, pushed)
            bench.timed("push", peer.name, lambda: peer("push", "-q", *plain, pushed))
            peer("rmi", pushed)
    peer("rmi", name)


def _do(
    bench: Workbench, case: str, who: str, act: Callable[[], object], cases: Sequence[str]
) -> None:
    # What is not measured is done all the same: the next step stands on it.
    if case in cases:
        bench.timed(case, who, act)
    else:
        act()


def _copy_round(bench: Workbench) -> None:
    with bench.empty_registry() as target:
        bench.timed("copy", OURS, lambda: bench.engine.images.copy(bench.name, target))
    if shutil.which("skopeo"):
        with bench.empty_registry() as target:
            names = (f"docker://{bench.name}", f"docker://{target}")
            bench.timed("copy", "skopeo", lambda: _skopeo_copy(*names))


def _measure_memory(bench: Workbench) -> None:
    root = bench.directory / "memory"
    words = [sys.executable, "-m", "tests.bench.images", "--pull-into", str(root), bench.name]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    bench.note("peak memory", OURS, float(done.stdout))


def _pull_into(root: str, name: str) -> int:
    with Engine.open(EnginePaths(Path(root) / "r", Path(root) / "v")) as engine:
        engine.images.pull(name)
    # What the kernel counts for a process goes on from whoever started it; this does not.
    status = Path("/proc/self/status").read_text()
    ours = int(status.partition("VmHWM:")[2].split()[0])
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    say(str(1024 * max(ours, of_children)))
    return 0


def _measure_growth(bench: Workbench, rounds: int) -> None:
    place = bench.directory / "many"
    with Engine.open(EnginePaths(place / "r", place / "v")) as engine:
        known = 0
        for size in SIZES:
            add_many(place, first=known, last=size)
            known = size
            for number in range(rounds):
                bench.timed(f"list {size}", OURS, engine.images.list)
                name = f"many/image{size - 1 - number}:1"
                bench.timed(f"remove at {size}", OURS, lambda name=name: engine.images.remove(name))


def render(samples: Samples) -> str:
    """Return a table of medians, and of ours in relation to each peer's."""
    peers = sorted({who for values in samples.values() for who in values} - {OURS})
    head = ("CASE", "SHIPSHAPE", *(p.upper() for p in peers), *(f"/ {p.upper()}" for p in peers))
    rows: list[tuple[str, ...]] = [head]
    for case, values in samples.items():
        ours = statistics.median(values[OURS]) if OURS in values else None
        theirs = [statistics.median(values[p]) if p in values else None for p in peers]
        ratios = [f"{ours / t:.2f}" if ours and t else "" for t in theirs]
        rows.append((case, _shown(case, ours), *(_shown(case, t) for t in theirs), *ratios))
    return render_table(rows)


def _shown(case: str, value: float | None) -> str:
    if value is None:
        return ""
    if case == "peak memory":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def _skopeo_copy(source: str, target: str) -> None:
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    run("skopeo", "copy", "-q", "--insecure-policy", *plain, source, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
