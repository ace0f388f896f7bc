"""
What clean-ups cost, side by side with dockerd.

    totals       what takes the disk, by kind, right after something changed; `docker system df -v`
    preview      what would go of stopped containers and untagged images, exactly; only ours
    containers   clearing away so many that do not run; `docker container prune`
    images       clearing away so many without a tag; `docker image prune`
    records      the forest of 10,000 images with 200 layers each, on records alone: making it, and
                 what comes free if all of them go, every second, or one

Both engines hold the same images and containers, in directories of their own. `totals` and
`preview` are measured with 10,000 images and containers as well, by ours alone. `shipshape` is the
engine called by a process that has it open, as workers and the agent have it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from engine.cleanup.rules import Rule, RuleKind
from engine.engine import Engine
from engine.ledger import Survey, reclaim_of
from engine.oci.reference import Reference
from engine.settings import ContainerSettings
from engine.system.clock import SYSTEM_CLOCK
from engine.system.memory import settle_in
from engine.system.paths import EnginePaths
from tests.bench.actors import busybox_tar, dockerd
from tests.bench.containers import INSIDE, render
from tests.support.many_objects import add_containers, add_images
from workers.host.console import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tests.support.peers import Peer

OURS, PEER, IMAGE = "shipshape", "dockerd", "bench/busybox:1"
MANY = 10_000
BASES, BASE_LAYERS, LAYERS = 50, 150, 200
STOPPED, UNTAGGED = Rule(RuleKind.STOPPED_CONTAINERS), Rule(RuleKind.UNTAGGED_IMAGES)
Result = TypeVar("Result")
Samples = dict[str, dict[str, list[float]]]


@dataclass
class Bench:
    """What was measured, and what is measured with; *peer* is None where we are alone."""

    directory: Path
    rounds: int
    containers: int
    images: int
    peer: Peer | None
    samples: Samples = field(default_factory=dict)

    def timed(self, case: str, actor: str, act: Callable[[], Result]) -> Result:
        """Do *act*, keep how long it took, and return what it did."""
        start = time.perf_counter()
        result = act()
        taken = time.perf_counter() - start
        self.samples.setdefault(case, {}).setdefault(actor, []).append(taken)
        return result


class Later:
    """A clock that is ahead: what was made just now was made a while ago."""

    ahead = timedelta(hours=1)

    def now(self) -> datetime:
        """Return the time in an hour."""
        return SYSTEM_CLOCK.now() + self.ahead


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench cleanup", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--containers", type=int, default=1_000)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--alone", action="store_true", help="without dockerd")
    options = parser.parse_args(arguments)
    if not os.environ.get(INSIDE):
        # In a network namespace of its own: bridges and rules of dockerd go with it.
        words = ["unshare", "--net", sys.executable, "-c", _PROGRAM, *arguments]
        environment = {**os.environ, INSIDE: "1"}
        return subprocess.run(words, check=False, env=environment).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        peer = (
            None if options.alone else stack.enter_context(dockerd(place / "docker", place / "x"))
        )
        bench = Bench(place, options.rounds, options.containers, options.images, peer)
        for case in options.only:
            say(f"measuring {case} …")
            CASES[case](bench)
    say(render(bench.samples))
    if options.json:
        options.json.write_text(json.dumps(bench.samples, indent=1))
    return 0


_PROGRAM = "import sys; from tests.bench.cleanup import main; sys.exit(main(sys.argv[1:]))"


# --- Beside dockerd -----------------------------------------------------------------------------


def _side_by_side(bench: Bench) -> None:
    archive = bench.directory / "images.tar"
    archive.write_bytes(_archive(bench.images))
    with Engine.open(EnginePaths(bench.directory / "r", bench.directory / "v")) as engine:
        engine.images.import_tar(io.BytesIO(busybox_tar()), reference=Reference.parse(IMAGE))
        with archive.open("rb") as stream:
            engine.images.load(stream)
        settings = ContainerSettings(image=IMAGE, command=("true",), network="none")
        for _ in range(bench.containers):
            engine.containers.create(settings)
    if bench.peer:
        _fill_peer(bench, bench.peer, archive)
    settle_in()  # as workers, the agent and the API's server do
    with Engine.open(
        EnginePaths(bench.directory / "r", bench.directory / "v"), clock=Later()
    ) as engine:
        _ask(bench, engine)
        _clear(bench, engine)


def _fill_peer(bench: Bench, peer: Peer, archive: Path) -> None:
    base = bench.directory / "base.tar"
    base.write_bytes(busybox_tar())
    peer("import", str(base), IMAGE)
    peer("load", "-i", str(archive))
    for _ in range(bench.containers):
        peer("create", "--network", "none", IMAGE, "true")


def _ask(bench: Bench, engine: Engine) -> None:
    engine.disk()
    for _ in range(bench.rounds):
        _change(engine)
        bench.timed("totals", OURS, engine.disk)
        bench.timed("preview", OURS, partial(engine.cleanup.preview, [STOPPED, UNTAGGED]))
    for _ in range(3 if bench.peer else 0):
        bench.timed("totals", PEER, partial(bench.peer, "system", "df", "-v"))


def _clear(bench: Bench, engine: Engine) -> None:
    cases = (
        (f"prune {bench.containers} containers", STOPPED, "container"),
        (f"prune {bench.images} images", UNTAGGED, "image"),
    )
    for case, rule, noun in cases:
        plan = engine.cleanup.preview([rule])
        reports = []
        bench.timed(case, OURS, lambda: reports.append(engine.cleanup.run(plan.id)))  # noqa: B023
        assert len(reports[0].removed) == len(plan.items) > 0, reports[0].skipped[:3]
        assert reports[0].freed_bytes == plan.freed_bytes, (
            reports[0].freed_bytes,
            plan.freed_bytes,
        )
        if bench.peer:
            peer = bench.peer
            bench.timed(case, PEER, lambda: peer(noun, "prune", "-f"))  # noqa: B023


def _change(engine: Engine) -> None:
    """Let something happen, so that no answer is there already."""
    image = engine.images.list_sketches()[0]
    engine.images.mark_used(image.id)
    engine.images.tag(str(image.id), f"bench/moved:{time.monotonic_ns()}")


def _archive(count: int) -> bytes:
    """Return an archive of *count* images without tags: a busybox, and a file of each one's own."""
    stream = io.BytesIO()
    base = busybox_tar()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        _add(tar, "base.tar", base)
        entries = []
        for number in range(count):
            own = _layer(number)
            config = json.dumps(
                {
                    "architecture": "amd64",
                    "os": "linux",
                    "config": {"Cmd": ["true"]},
                    "rootfs": {"type": "layers", "diff_ids": [_digest(base), _digest(own)]},
                }
            ).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(tar, name, config)
            _add(tar, f"{number}.tar", own)
            entries.append(
                {"Config": name, "RepoTags": None, "Layers": ["base.tar", f"{number}.tar"]}
            )
        _add(tar, "manifest.json", json.dumps(entries).encode())
    return stream.getvalue()


def _layer(number: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        _add(tar, f"file-{number}", b"%d\n" % number * 1000)
    return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# --- With very much -----------------------------------------------------------------------------


def _with_many(bench: Bench) -> None:
    place = bench.directory / "many"
    with Engine.open(EnginePaths(place / "r", place / "v")) as engine:
        add_images(engine, 0, MANY // 2, layers=8, bases=BASES)
        add_containers(engine, 0, MANY // 2, stopped=bench.containers)
        bench.timed(f"first look at {MANY}", OURS, engine.disk)
        for _ in range(bench.rounds):
            _change(engine)
            bench.timed(f"totals of {MANY}", OURS, engine.disk)
            preview = partial(engine.cleanup.preview, [STOPPED, UNTAGGED])
            bench.timed(f"preview of {MANY}", OURS, preview)


# --- On records ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a made-up image."""

    chain_id: str
    size: int
    digest: str
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class Document:
    """A config of a made-up image."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """A made-up image."""

    id: str
    layers: tuple[Layer, ...]
    documents: tuple[Document, ...]


def _on_records(bench: Bench) -> None:
    survey = _made_up(MANY, LAYERS)
    everything = [str(each.id) for each in survey.images]
    bench.timed("records, made", OURS, lambda: reclaim_of(survey))
    reclaim = reclaim_of(survey)
    selections = {"all": everything, "half": everything[::2], "one": everything[:1]}
    for name, selection in selections.items():
        for _ in range(bench.rounds):
            bench.timed(f"records, {name}", OURS, partial(reclaim.freed, selection))


def _made_up(count: int, layers: int) -> Survey:
    """Return *count* images with so many *layers* each, most of which they share."""
    bases = [_stack(f"base-{number}", 0, BASE_LAYERS) for number in range(BASES)]
    images = tuple(
        Image(
            f"image-{number}",
            bases[number % BASES] + _stack(f"image-{number}", BASE_LAYERS, layers),
            (Document(f"config-{number}", 4096),),
        )
        for number in range(count)
    )
    return Survey(images=images)


def _stack(name: str, start: int, end: int) -> tuple[Layer, ...]:
    return tuple(
        Layer(f"{name}/{height}", 1000 + height, f"archive {name}/{height}", 300)
        for height in range(start, end)
    )


CASES = {"side by side": _side_by_side, "many": _with_many, "records": _on_records}
