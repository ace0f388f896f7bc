"""The other engines, each in directories of its own, for tests that compare and for benchmarks."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 30.0
RUN_SECONDS = 300


def needs(program: str) -> None:
    """Skip the test where *program* is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def run(*arguments: str, **options: Any) -> str:
    """Return what a program wrote; fail with what it complained of."""
    done = subprocess.run(
        arguments, capture_output=True, timeout=RUN_SECONDS, check=False, **options
    )
    assert done.returncode == 0, f"{arguments[:4]}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="replace").strip()


@dataclass(frozen=True)
class Peer:
    """Another engine that is spoken to by *command*, its words and where it keeps things."""

    name: str
    command: tuple[str, ...]

    def __call__(self, *arguments: str, **options: Any) -> str:
        return run(*self.command, *arguments, **options)

    def image_id(self, name: str) -> str:
        """Return the whole ID of the image *name*, with sha256: in front."""
        (found,) = json.loads(self("image", "inspect", name))
        return "sha256:" + str(found["Id"]).removeprefix("sha256:")

    def tree(self, name: str, target: Path) -> Path:
        """Write the files of the image *name* to *target*."""
        target.mkdir()
        container = self("create", name, "true")
        exported = target.with_suffix(".tar")
        self("export", "-o", str(exported), container)
        self("rm", container)
        run("tar", "-xpf", str(exported), "-C", str(target), "--xattrs", "--xattrs-include=*")
        return target


@contextmanager
def running_dockerd(directory: Path) -> Iterator[Peer]:
    """Run a dockerd that keeps everything in *directory*, until the end of the block."""
    directory.mkdir(parents=True, exist_ok=True)
    socket, log = directory / "s", directory / "log"
    command = [
        *("dockerd", "--data-root", str(directory / "d"), "--exec-root", str(directory / "x")),
        *("-H", f"unix://{socket}", "--pidfile", str(directory / "pid"), "--iptables=false"),
        *("--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    peer = Peer("dockerd", ("docker", "-H", f"unix://{socket}"))
    try:
        _wait_for(peer, process, log)
        yield peer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


def _wait_for(peer: Peer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.skip(f"dockerd does not run here: {log.read_text()[-300:]}")
        done = subprocess.run([*peer.command, "version"], capture_output=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    pytest.skip("dockerd did not become ready")


def podman_in(directory: Path, running: Path | None = None) -> Peer:
    """Return podman with a storage of its own in *directory*, and what runs in *running*."""
    running = running or directory
    for each in (directory, running):
        each.mkdir(parents=True, exist_ok=True)
    return Peer(
        "podman",
        (
            *("podman", "--root", str(directory / "r"), "--runroot", str(running / "rr")),
            *("--tmpdir", str(running / "t"), "--storage-driver", "overlay"),
        ),
    )
