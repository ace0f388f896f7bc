"""
How fast images are built, side by side with dockerd's builder and buildah.

    no-op           30 steps that are all in the cache
    copy cold       COPY of 20,000 files
    copy warm       the same again, nothing changed
    run files       RUN that makes 20,000 files
    stages          four stages that need nothing of each other, each of which works for a second
    rebuild         everything of a small application again, from a warm cache, after one change

Ours is driven by docker's client through our API, as dockerd is. Everything runs in a network
namespace of its own, the engines keep to their own directories, and they take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.actors import busybox_tar, dockerd, serving
from tests.bench.containers import INSIDE, render
from tests.support.peers import Peer
from workers.host.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = "shipshape"
BASE = "bench/busybox:1"
FILES = 20_000
STEPS = 30


@dataclass(frozen=True)
class Builder:
    """One engine's way to build; each call is one build of a context."""

    name: str
    peer: Peer
    words: tuple[str, ...] = ("build", "-q")

    def build(self, context: Path, *more: str) -> None:
        """Build *context* once."""
        self.peer(*self.words, *more, str(context), env={**os.environ, "DOCKER_BUILDKIT": "0"})


@dataclass
class Bench:
    """The builders, and what they took."""

    builders: list[Builder]
    directory: Path
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def time(self, case: str, builder: Builder, context: Path, *more: str) -> None:
        """Measure one build."""
        begin = time.perf_counter()
        builder.build(context, *more)
        taken = time.perf_counter() - begin
        self.samples.setdefault(case, {}).setdefault(builder.name, []).append(taken)

    def context(self, name: str, dockerfile: str) -> Path:
        """Return a new context with *dockerfile*."""
        place = self.directory / name
        place.mkdir(exist_ok=True)
        (place / "Dockerfile").write_text(dockerfile)
        return place


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench build", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--alone", action="store_true", help="without the other engines")
    options = parser.parse_args(arguments)
    if not os.environ.get(INSIDE):
        words = ["unshare", "--net", sys.executable, "-c", _PROGRAM, *arguments]
        return subprocess.run(words, check=False, env={**os.environ, INSIDE: "1"}).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with ExitStack() as stack:
        bench = _opened(stack, alone=options.alone)
        for case in options.only:
            say(f"measuring {case} …")
            CASES[case](bench, options.rounds)
        say(render(bench.samples))
        if options.json:
            options.json.write_text(json.dumps(bench.samples, indent=1))
    return 0


_PROGRAM = "import sys; from tests.bench.build import main; sys.exit(main(sys.argv[1:]))"


def _opened(stack: ExitStack, *, alone: bool) -> Bench:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-build-")))
    image = directory / "image.tar"
    image.write_bytes(busybox_tar())
    builders = [Builder(OURS, stack.enter_context(serving(directory / "served", directory / "v")))]
    if not alone and shutil.which("dockerd"):
        builders.append(
            Builder("dockerd", stack.enter_context(dockerd(directory / "docker", directory / "x")))
        )
    for each in builders:
        each.peer("import", str(image), BASE)
    if not alone and shutil.which("buildah"):
        builders.append(_buildah(stack, directory, image))
    contexts = directory / "contexts"
    contexts.mkdir()
    return Bench(builders, contexts)


def _buildah(stack: ExitStack, directory: Path, image: Path) -> Builder:
    """Return buildah with a storage of its own, the base made in it."""
    place = directory / "buildah"
    (place / "base").mkdir(parents=True)
    shutil.copy(image, place / "base/image.tar")
    (place / "base/Dockerfile").write_text("FROM scratch\nADD image.tar /\n")
    policy = place / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    storage = ("--root", str(place / "r"), "--runroot", str(place / "rr"))
    peer = Peer("buildah", ("buildah", *storage, "--storage-driver", "overlay"))
    # A step that fails leaves its container mounted.
    leave = ["umount", "--quiet", "--recursive", str(place / "r/overlay")]
    stack.callback(subprocess.run, leave, check=False)
    # Without --layers it keeps no cache; the others' default is to keep one.
    words = ("build", "-q", "--layers", "--pull=never", "--network=host", "--runtime=runc")
    words += ("--signature-policy", str(policy))
    peer(*words, "-t", BASE, str(place / "base"))
    return Builder("buildah", peer, words)


def _no_op(bench: Bench, rounds: int) -> None:
    lines = "".join(f"RUN echo {n} >/f{n}\n" for n in range(STEPS // 2))
    lines += "".join(f"ENV A{n}={n}\n" for n in range(STEPS // 2))
    context = bench.context("no-op", f"FROM {BASE}\n{lines}")
    for builder in bench.builders:
        builder.build(context)
    for _ in range(rounds * 2):
        for builder in bench.builders:
            bench.time("no-op, 30 steps", builder, context)


def _copy(bench: Bench, rounds: int) -> None:
    context = bench.context("copy", f"FROM {BASE}\nCOPY files /files\n")
    _make_files(context / "files")
    for _ in range(rounds):
        for builder in bench.builders:
            cold = f"copy cold, {FILES:,} files"
            bench.time(cold, builder, context, "--no-cache")
            bench.time(f"copy warm, {FILES:,} files", builder, context)


def _make_files(directory: Path) -> None:
    for number in range(FILES):
        place = directory / f"d{number // 200}" / f"f{number}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"%d\n" % number * (number % 400))


def _run_files(bench: Bench, rounds: int) -> None:
    script = f"mkdir /d; i=0; while [ $i -lt {FILES} ]; do echo $i >/d/$i; i=$((i+1)); done"
    context = bench.context("run", f"FROM {BASE}\nRUN {script}\n")
    for _ in range(rounds):
        for builder in bench.builders:
            case = f"run, {FILES:,} files"
            bench.time(case, builder, context, "--no-cache")


def _stages(bench: Bench, rounds: int) -> None:
    stages = "".join(f"FROM {BASE} AS s{n}\nRUN sleep 1; echo {n} >/out{n}\n" for n in range(4))
    copies = "".join(f"COPY --from=s{n} /out{n} /\n" for n in range(4))
    context = bench.context("stages", f"{stages}FROM {BASE}\n{copies}")
    for _ in range(rounds):
        for builder in bench.builders:
            bench.time("four stages", builder, context, "--no-cache")


def _rebuild(bench: Bench, rounds: int) -> None:
    context = bench.context(
        "rebuild",
        f"FROM {BASE} AS build\nWORKDIR /src\nCOPY deps ./\nRUN seq 100000 >/deps.out\n"
        "COPY src src\nRUN sh -c 'cat src/* | seq 10 >/out'\n"
        f'FROM {BASE}\nENV A=1\nCOPY --from=build /out /app\nCMD ["/app"]\n',
    )
    (context / "deps").write_text("1\n")
    (context / "src").mkdir(exist_ok=True)
    for builder in bench.builders:
        builder.build(context)
    for number in range(rounds * 2):
        (context / "src" / "main").write_text(f"{number} {time.time()}\n")
        for builder in bench.builders:
            bench.time("rebuild, one change", builder, context)


CASES = {
    "no-op": _no_op,
    "copy": _copy,
    "run": _run_files,
    "stages": _stages,
    "rebuild": _rebuild,
}
