"""The `docker` command against our engine, and against a real dockerd beside it to compare with."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.services import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).parents[2]
BUSYBOX = Path("/bin/busybox")
COMMANDS = """
    sh ls cat echo true false sleep id env pwd wc touch mkdir rm stty tty head ps yes dd nc wget
    hostname printf test ping
"""
IMAGE = "test/busybox"
SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out}--- err\n{self.err}"


@dataclass(frozen=True)
class DockerCli:
    """`docker` with the engine at *socket*."""

    socket: Path
    config: Path
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.config),
            "DOCKER_CONFIG": str(self.config),
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CLI_HINTS": "false",
            "DOCKER_BUILDKIT": "0",
        }

    def run(self, *words: str, stdin: bytes = b"", seconds: float = SECONDS) -> Outcome:
        finished = subprocess.run(
            ["docker", *words],
            input=stdin,
            capture_output=True,
            env=self.environment,
            timeout=seconds,
        )
        return Outcome(
            finished.returncode,
            finished.stdout.decode(errors="replace"),
            finished.stderr.decode(errors="replace"),
        )

    def ok(self, *words: str, stdin: bytes = b"") -> str:
        """What it prints; it must go well."""
        outcome = self.run(*words, stdin=stdin)
        assert outcome.code == 0, f"docker {' '.join(words)}: {outcome}"
        return outcome.out.strip()

    def start(self, *words: str, **more: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["docker", *words], env=self.environment, **more)  # type: ignore[call-overload, no-any-return]

    def forget_containers(self) -> None:
        if found := self.ok("ps", "-aq"):
            self.ok("rm", "-f", *found.split())


@contextmanager
def served(directory: Path, socket: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Run `engine serve` alone; killed at the end, if it has not ended by itself."""
    places = ["--root", directory / "root", "--run", directory / "run", "--socket", socket]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "serve", *places, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def rootfs_tar() -> bytes:
    """A bare filesystem with a static busybox, as a tar."""
    with tempfile.TemporaryDirectory(prefix="ship-") as place:
        root = Path(place)
        root.chmod(0o755)
        for name in ("bin", "etc", "tmp", "root", "proc", "dev", "sys"):
            (root / name).mkdir()
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for name in COMMANDS.split():
            (root / "bin" / name).symlink_to("busybox")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n")
        packed = ["tar", "-C", place, "--sort=name", "--mtime=@0", "--owner=0", "--group=0"]
        return subprocess.run([*packed, "-c", "."], check=True, capture_output=True).stdout


@contextmanager
def _process(words: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, cwd=CHECKOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _cli(words: Sequence[str | Path], place: Path) -> Iterator[DockerCli]:
    socket, config = place / "d.sock", place / "config"
    config.mkdir()
    with _process(words, place / "log") as process:
        wait_until(
            lambda: socket.exists() or process.poll() is not None, what=f"{words[0]} listens"
        )
        cli = DockerCli(socket, config, process)
        wait_until(lambda: cli.run("version").code == 0, what="docker version")
        cli.ok("import", "--change", 'CMD ["sh"]', "-", IMAGE, stdin=rootfs_tar())
        try:
            yield cli
        finally:
            _end_connections()


def _end_connections() -> None:
    """End what libraries in this process have left open: their streams they leave to be found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def our_engine(place: Path) -> Iterator[DockerCli]:
    """Our engine, served from *place*; its containers end with it."""
    paths = ["--root", place / "root", "--run", place / "run", "--socket", place / "d.sock"]
    with _cli([sys.executable, "-m", "engine", "serve", *paths], place) as cli:
        yield cli
        cli.forget_containers()


@contextmanager
def real_dockerd(place: Path) -> Iterator[DockerCli]:
    """A dockerd in a network namespace of its own, so that nothing of the host's is touched."""
    words = [
        "dockerd",
        *("--data-root", place / "data", "--exec-root", place / "exec"),
        *("-H", f"unix://{place}/d.sock", "--pidfile", place / "pid"),
        *("--iptables=false", "--ip6tables=false"),
    ]
    line = 'ip link set lo up; exec "$@"'
    inside = ["unshare", "--net", "--", "sh", "-c", line, "sh", *words]
    with _cli(inside, place) as cli:
        yield cli
        cli.forget_containers()
    for mounted in sorted((place / "exec").glob("netns/*")):
        subprocess.run(["umount", mounted], check=False)


@pytest.fixture(scope="session")
def ours() -> Iterator[DockerCli]:
    """`docker` against our engine, one for the whole run; use names of your own."""
    with _place() as place, our_engine(place) as cli:
        yield cli


@pytest.fixture
def emptied(ours: DockerCli) -> Iterator[None]:
    """Leave no container to the next test."""
    yield
    ours.forget_containers()


@pytest.fixture(scope="session")
def both() -> Iterator[tuple[DockerCli, DockerCli]]:
    """`docker` against our engine and against a real dockerd."""
    with two_engines() as engines:
        yield engines


@contextmanager
def two_engines() -> Iterator[tuple[DockerCli, DockerCli]]:
    """`both`, but the caller's own; the test is skipped where there is no dockerd."""
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed, so there is nothing to compare with")
    with ExitStack() as stack:
        mine = stack.enter_context(our_engine(stack.enter_context(_place())))
        yield mine, stack.enter_context(real_dockerd(stack.enter_context(_place())))


@contextmanager
def _place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="ship-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


_SPOKEN = [
    (re.compile(r"\bsha256:[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<long id>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<short id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} UTC"), "<time>"),
    (re.compile(r"(Less than a second|About a minute|\d+ (seconds?|minutes?))( ago)"), "<ago>"),
    (re.compile(r"Up (Less than a second|\d+ seconds?)"), "Up <time>"),
    (re.compile(r"\b\d+(\.\d+)?(B|kB|MB|GB)\b"), "<size>"),
    (re.compile(r" {2,}"), "  "),
]


def spoken(text: str) -> str:
    """Return *text* without what differs from run to run: IDs, digests, times, widths."""
    for pattern, word in _SPOKEN:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.splitlines())
