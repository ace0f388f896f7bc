"""The whole product, started the way a newcomer starts it, in directories of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
URL = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Stack:
    """A product that runs: where it keeps things and where it answers."""

    home: Path
    port: int
    printed: str

    @property
    def root(self) -> Path:
        return self.home / "root"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def first_url(self) -> str:
        """The URL that `up` printed, with the one-time set-up token."""
        found = [url for url in URL.findall(self.printed) if "token" in url]
        assert found, self.printed
        return found[0]

    def command(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _shipshape(verb, *self._places(), *arguments)

    def status(self) -> dict[str, Any]:
        return json.loads(self.command("status", "--json").stdout)

    def up(self) -> str:
        """Start it (again) and return what was printed."""
        done = self.command("up", "--detach", "--port", str(self.port), "--host", "testhost")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _places(self) -> tuple[str, ...]:
        return ("--root", str(self.root), "--run", str(self.run), "--data", str(self.data))


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Run the product during the block; nothing of it is left afterwards."""
    # Unprivileged processes must be able to pass, which the test runner's own directory forbids.
    home = Path(tempfile.mkdtemp(prefix="shipshape-"))
    home.chmod(0o755)
    stack = Stack(home, free_port(), "")
    try:
        yield Stack(home, stack.port, stack.up())
    finally:
        stack.command("down")
        remove_containers(stack)
        shutil.rmtree(home, ignore_errors=True)


def remove_containers(stack: Stack) -> None:
    """Remove every container that the product was running."""
    from engine.containers.record import IfRunning
    from engine.engine import Engine
    from engine.system.paths import EnginePaths

    with Engine.open(EnginePaths(stack.root, stack.run)) as engine:
        for container in engine.containers.list():
            engine.containers.remove(container.id, if_running=IfRunning.KILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shipshape(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CHECKOUT / "shipshape"), *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("SHIPSHAPE_")},
    )
