"""Builds for tests: real layers and snapshots, and programs that are a few words each."""

from __future__ import annotations

import os
import shlex
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.build.assembly import open_builds
from engine.build.context import DirectoryContext
from engine.build.request import BuildRequest
from engine.engine import Engine
from engine.errors import UrlNotFound
from engine.images.unpack import Unpacker
from engine.oci.reference import Reference
from engine.progress import BuildOutput, BuildStatus, BuildStep
from engine.wiring import wire_collector
from tests.support.world import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.build.builds import Builds
    from engine.build.ports import Program
    from engine.build.recording import Built
    from engine.oci.digest import ChainID
    from engine.progress import Cancellation
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.paths import EnginePaths


@dataclass
class FakeRunner:
    """
    Runs programs that are lists of small acts, in the directory of changes itself.

    `write PATH TEXT`, `mkdir PATH`, `remove PATH` (as a whiteout), `print TEXT`, `fail CODE`,
    `see PATH` (prints what is mounted there), separated by `;`.
    """

    snapshotter: Snapshotter
    ran: list[Program] = field(default_factory=list)
    before: Callable[[Program], None] = lambda _: None

    @contextmanager
    def opened(self, parent: ChainID | None) -> Iterator[str]:
        key = f"build/fake/{uuid.uuid4().hex}"
        self.snapshotter.prepare(key, parent=parent)
        try:
            yield key
        finally:
            self.snapshotter.remove(key)

    def run(
        self,
        program: Program,
        *,
        output: Callable[[str, bytes], None],
        cancellation: Cancellation,
    ) -> int:
        self.ran.append(program)
        self.before(program)
        cancellation.check()
        upper = self.snapshotter.changes_directory(program.key)
        assert upper is not None
        for act in program.arguments[-1].split(";"):
            verb, *words = shlex.split(act)
            if verb == "fail":
                return int(words[0])
            _ACTS[verb](upper, program, output, words)
        return 0


def _write(upper: Path, program: Program, output: Any, words: list[str]) -> None:
    place = upper / words[0].lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(words[1])


def _mkdir(upper: Path, program: Program, output: Any, words: list[str]) -> None:
    (upper / words[0].lstrip("/")).mkdir(parents=True, exist_ok=True)


def _remove(upper: Path, program: Program, output: Any, words: list[str]) -> None:
    place = upper / words[0].lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(place, 0o020000, os.makedev(0, 0))


def _print(upper: Path, program: Program, output: Any, words: list[str]) -> None:
    output("stdout", " ".join(words).encode() + b"\n")


def _see(upper: Path, program: Program, output: Any, words: list[str]) -> None:
    bind = next(each for each in program.binds if words[0].startswith(each.target))
    place = bind.source / os.path.relpath(words[0], bind.target)
    output("stdout", (place if words[0] != bind.target else bind.source).read_bytes())


_ACTS = {"write": _write, "mkdir": _mkdir, "remove": _remove, "print": _print, "see": _see}


@dataclass
class FakeDownloads:
    """Serves what was put into it."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def open_url(self, url: str, *, cancellation: Cancellation) -> Iterator[bytes]:
        self.asked.append(url)
        if url not in self.files:
            raise UrlNotFound(url)
        yield self.files[url]


@dataclass
class Bench:
    """An engine root to build in, and a context directory to build from."""

    builds: Builds
    runner: FakeRunner
    downloads: FakeDownloads
    engine: Engine
    context: Path

    def write(self, files: dict[str, str]) -> None:
        """Put *files* into the context."""
        for path, content in files.items():
            place = self.context / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)

    def build(self, text: str, *, tag: str = "", sink: Sink | None = None, **options: Any) -> Built:
        """Build the Dockerfile *text* in the context."""
        (self.context / "Dockerfile").write_text(text)
        tags = (Reference.parse(tag),) if tag else ()
        request = BuildRequest(tags=tags, **options)
        return self.builds.build(
            request, DirectoryContext(self.context), progress=sink or Sink(), owner="ana"
        )

    def steps(self, text: str, **options: Any) -> list[tuple[str, str]]:
        """Build and return what each step came to, in the order of their places."""
        sink = Sink()
        self.build(text, sink=sink, **options)
        ended = [e for e in sink.events if isinstance(e, BuildStep) and not e.id.endswith(".1")]
        done = {e.id: e for e in ended if e.status is not BuildStatus.RUNNING}
        return [(each.text, each.status.value) for _, each in sorted(done.items())]

    def output(self, text: str, **options: Any) -> str:
        """Build and return all that programs printed."""
        sink = Sink()
        self.build(text, sink=sink, **options)
        told = [e.content for e in sink.events if isinstance(e, BuildOutput)]
        return b"".join(told).decode()


def tree_of(engine: Engine, built: Built) -> dict[str, str]:
    """Return the files of an image by path; directories end with a slash, links tell where to."""
    found: dict[str, str] = {}
    if not built.image.layers:
        return found
    directories = engine._ground.snapshotter.layer_directories(built.image.layers[-1].chain_id)
    for directory in reversed(directories):
        _add(found, directory)
    return found


def _add(found: dict[str, str], directory: Path) -> None:
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        status = path.lstat()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif status.st_mode & 0o170000 == 0o020000 and status.st_rdev == 0:
            for each in [e for e in found if e == name or e.rstrip("/") == name]:
                del found[each]
            for each in [e for e in found if e.startswith(f"{name}/")]:
                del found[each]
        elif path.is_dir():
            found[f"{name}/"] = ""
        else:
            found[name] = path.read_text()


@contextmanager
def opened_bench(paths: EnginePaths, context: Path) -> Iterator[Bench]:
    """Open a real engine root whose programs are made up."""
    context.mkdir(exist_ok=True)
    with Engine.open(paths) as engine:
        ground = engine._ground
        runner = FakeRunner(ground.snapshotter)
        downloads = FakeDownloads()
        builds = open_builds(
            paths=paths,
            database=ground.database,
            images=ground.images,
            source=engine.images,
            store=ground.content,
            snapshotter=ground.snapshotter,
            unpacker=Unpacker(ground.snapshotter, ground.locks),
            runner=runner,
            downloads=downloads,
            leases=ground.leases,
            collector=wire_collector(ground),
            locks=ground.locks,
            clock=ground.clock,
        )
        yield Bench(builds, runner, downloads, engine, context)
