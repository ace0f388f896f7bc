"""
Whose containers are measured: our engine by itself, and engines through docker's client.

Each keeps to its own directories.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.containers.containers import IfRunning
from engine.engine import Engine
from engine.oci.reference import Reference
from engine.settings import ContainerSettings, ExecSettings
from engine.system.paths import EnginePaths
from tests.support.peers import Peer, podman_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


Samples = dict[str, dict[str, list[float]]]

OURS, OURS_BY_DOCKER = "shipshape", "with docker"
MEMORY = Path("/dev/shm")
IMAGE = "bench/busybox:1"
APPLETS = ("sh", "true", "sleep", "seq")


class Actor(Protocol):
    """One way to use one engine."""

    name: str

    def run(self, network: str, *command: str) -> None:
        """Run a container to its end and remove it."""

    def create(self, *command: str) -> str:
        """Make a container without a network and return its ID."""

    def start(self, container: str) -> None:
        """Start it."""

    def stop(self, container: str) -> None:
        """Stop it, without waiting for it to obey."""

    def execute(self, container: str) -> None:
        """Run `true` in it."""

    def remove(self, container: str) -> None:
        """Remove it, running or not."""

    def prune(self) -> None:
        """Remove all that do not run."""

    def list_all(self) -> None:
        """List all."""

    def follow(self, container: str) -> int:
        """Read its output to its end and return how many bytes came."""


@dataclass
class Ours:
    """Our engine, open in this process."""

    engine: Engine
    name: str = OURS

    def _settings(self, network: str, command: tuple[str, ...]) -> ContainerSettings:
        return ContainerSettings(image=IMAGE, command=command, network=network)

    def run(self, network: str, *command: str) -> None:
        containers = self.engine.containers
        settings = replace(self._settings(network, command), auto_remove=True)
        record = containers.create(settings)
        with containers.attach(record.id) as attachment:
            containers.start(record.id)
            while attachment.read() is not None:
                pass
            assert attachment.exit_code == 0

    def create(self, *command: str) -> str:
        return self.engine.containers.create(self._settings("none", command)).id

    def start(self, container: str) -> None:
        self.engine.containers.start(container)

    def stop(self, container: str) -> None:
        self.engine.containers.stop(container, timeout=0)

    def execute(self, container: str) -> None:
        containers = self.engine.containers
        attachment = containers.exec_start(
            containers.exec_create(container, ExecSettings(command=("true",))).id
        )
        assert attachment
        with attachment:
            while attachment.read() is not None:
                pass
            assert attachment.exit_code == 0

    def remove(self, container: str) -> None:
        self.engine.containers.remove(container, if_running=IfRunning.KILL)

    def prune(self) -> None:
        self.engine.containers.prune()

    def list_all(self) -> None:
        self.engine.containers.list()

    def follow(self, container: str) -> int:
        lines = self.engine.containers.logs(container, follow=True)
        return sum(len(line.content) + (not line.is_partial) for line in lines)


@dataclass
class ByClient:
    """An engine that is spoken to by a program, docker's client or podman."""

    peer: Peer
    name: str
    more: tuple[str, ...] = ()
    at_once: tuple[str, ...] = ()

    def run(self, network: str, *command: str) -> None:
        named = ("--network", network) if network == "none" else ()
        self.peer("run", "--rm", *named, *self.more, IMAGE, *command)

    def create(self, *command: str) -> str:
        return self.peer("create", "--network", "none", *self.more, IMAGE, *command)

    def start(self, container: str) -> None:
        self.peer("start", container)

    def stop(self, container: str) -> None:
        self.peer("stop", "-t", "0", container)

    def execute(self, container: str) -> None:
        self.peer("exec", container, "true")

    def remove(self, container: str) -> None:
        self.peer("rm", "-f", *self.at_once, container)

    def prune(self) -> None:
        self.peer("container", "prune", "-f")

    def list_all(self) -> None:
        self.peer("ps", "-a")

    def follow(self, container: str) -> int:
        words = [*self.peer.command, "logs", "-f", container]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout
            return sum(len(piece) for piece in iter(lambda: process.stdout.read1(1 << 20), b""))


@dataclass
class Workbench:
    """Every engine, each with the image, in its own directory."""

    directory: Path
    actors: list[Actor]
    samples: Samples = field(default_factory=dict)

    def turns(self, rounds: int) -> Iterator[Actor]:
        """Yield the actors in turns, each beginning once."""
        for number in range(rounds):
            at = number % len(self.actors)
            yield from self.actors[at:] + self.actors[:at]

    def note(self, case: str, actor: Actor, value: float) -> None:
        """Keep one measurement."""
        self.samples.setdefault(case, {}).setdefault(actor.name, []).append(value)

    def timed(
        self, case: str, actor: Actor, act: Callable[..., object], *arguments: object
    ) -> None:
        """Do *act* and keep how long it took."""
        start = time.perf_counter()
        act(*arguments)
        self.note(case, actor, time.perf_counter() - start)


@contextmanager
def workbench(*, alone: bool) -> Iterator[Workbench]:
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="bench-"))
        running = MEMORY / directory.name
        running.mkdir(mode=0o700)
        for each in (directory, running):
            stack.callback(shutil.rmtree, each, ignore_errors=True)
        image = directory / "image.tar"
        image.write_bytes(busybox_tar())
        engine = stack.enter_context(Engine.open(EnginePaths(directory / "r", running / "v")))
        with image.open("rb") as stream:
            engine.images.import_tar(stream, reference=Reference.parse(IMAGE))
        actors: list[Actor] = [Ours(engine)]
        for client in _clients(stack, (directory, running), image, alone=alone):
            actors.append(client)  # noqa: PERF402  (one that fails leaves those before it)
        bench = Workbench(directory, actors)
        stack.callback(clear, bench)
        yield bench


def _clients(
    stack: ExitStack, places: tuple[Path, Path], image: Path, *, alone: bool
) -> Iterator[ByClient]:
    directory, running = places
    if shutil.which("docker"):
        ours = stack.enter_context(serving(directory / "served", running / "served"))
        yield _with_image(ByClient(ours, OURS_BY_DOCKER), image)
    if not alone and shutil.which("docker") and shutil.which("dockerd"):
        theirs = stack.enter_context(dockerd(directory / "docker", running / "docker"))
        yield _with_image(ByClient(theirs, "dockerd"), image)
    if not alone and shutil.which("podman"):
        # Its own choice may be above what this machine lets anybody have.
        more = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
        podman = podman_in(directory / "podman", running / "podman")
        # All with the same runtime; podman's own choice refuses where cgroups are mixed.
        podman = replace(podman, command=(*podman.command, "--runtime", "runc"))
        yield _with_image(ByClient(podman, "podman", more, ("-t", "0")), image)


def _with_image(client: ByClient, image: Path) -> ByClient:
    client.peer("import", str(image), IMAGE)
    return client


def busybox_tar() -> bytes:
    """Return the tar of a small system: one busybox with a few names."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("etc", "tmp", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    return stream.getvalue()


@contextmanager
def serving(directory: Path, running: Path) -> Iterator[Peer]:
    socket = directory.with_suffix(".sock")
    places = ["--root", directory, "--run", running, "--socket", socket]
    words = [sys.executable, "-m", "engine", "serve", *map(str, places)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield Peer(OURS_BY_DOCKER, ("docker", "-H", f"unix://{socket}"))
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def dockerd(directory: Path, running: Path) -> Iterator[Peer]:
    """Run a dockerd as it comes, with bridge and rules, in this network namespace."""
    directory.mkdir()
    socket = directory / "s"
    places = ("--data-root", directory / "d", "--exec-root", running)
    words = ["dockerd", *map(str, places), "-H", f"unix://{socket}", "--pidfile"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([*words, str(directory / "pid")], stdout=log, stderr=log)
    peer = Peer("dockerd", ("docker", "-H", f"unix://{socket}"))
    try:
        deadline = time.monotonic() + 30
        while subprocess.run([*peer.command, "version"], capture_output=True).returncode:
            assert time.monotonic() < deadline, (directory / "log").read_text()[-500:]
            time.sleep(0.1)
        yield peer
    finally:
        process.terminate()
        process.wait(30)


def clear(bench: Workbench) -> None:
    for actor in bench.actors:
        if isinstance(actor, Ours):
            for record in actor.engine.containers.list():
                actor.remove(record.id)
        elif ids := actor.peer("ps", "-aq").split():  # type: ignore[attr-defined]
            actor.peer("rm", "-f", *actor.at_once, *ids)  # type: ignore[attr-defined]
