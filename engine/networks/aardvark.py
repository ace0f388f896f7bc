"""
The name server: aardvark-dns, one process for each engine that has names to answer.

It reads a directory, answers at the gateways' addresses, forwards what it does not know to the
host's resolvers, belongs to nobody and outlives every process of ours. It is ended
when the last name goes.
"""

from __future__ import annotations

import signal
from pathlib import Path

from engine.errors import ProgramNotFound, SystemFailure
from engine.system.processes import (
    ProcessIdentity,
    arguments_of,
    find_by_arguments,
    find_identity,
    kill_and_wait,
)
from engine.system.runner import find_program, run

PROGRAMS = ("/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns")
PORT = "53"
START_SECONDS = 20.0
PID_FILE = "aardvark.pid"


class AardvarkNames:
    """`NameServer` over aardvark-dns."""

    def reload(self, directory: Path) -> None:
        """See to it that it runs and answers by what is in *directory*."""
        if not _has_names(directory):
            self.stop(directory)
            return
        running = _find(directory)
        if running is None or not running.send(signal.SIGHUP):
            _start(directory)

    def is_running(self, directory: Path) -> bool:
        """Whether it answers by what is in *directory*."""
        return _find(directory) is not None

    def stop(self, directory: Path) -> None:
        """End it; one that does not run is fine."""
        running = _find(directory)
        # One whose note went with the run directory still has the addresses that it answers at.
        ended = [running.pid] if running else _find_strays(directory)
        if ended:
            kill_and_wait(ended)
        (directory / PID_FILE).unlink(missing_ok=True)


def _start(directory: Path) -> None:
    (directory / PID_FILE).unlink(missing_ok=True)
    words = _words(_program(), directory)
    if strays := find_by_arguments(words):
        kill_and_wait(strays)
    finished = run(words, timeout=START_SECONDS)
    if finished.code:
        raise SystemFailure(f"the name server did not start: {finished.complaint[:400]}")


def _find_strays(directory: Path) -> list[int]:
    program = _find_program()
    return find_by_arguments(_words(program, directory)) if program else []


def _words(program: str, directory: Path) -> list[str]:
    return [program, "--config", str(directory), "--port", PORT, "run"]


def _find_program() -> str | None:
    found = next((each for each in PROGRAMS if Path(each).exists()), None)
    return found or find_program("aardvark-dns")


def _program() -> str:
    found = _find_program()
    if found is None:
        raise ProgramNotFound(
            "aardvark-dns", remedy="Install it, for example: apt-get install aardvark-dns"
        )
    return found


def _has_names(directory: Path) -> bool:
    return any(each.name != PID_FILE for each in directory.iterdir())


def _find(directory: Path) -> ProcessIdentity | None:
    try:
        text = (directory / PID_FILE).read_text().strip()
    except FileNotFoundError:
        return None
    if not text.isdecimal() or str(directory) not in arguments_of(int(text)):
        return None
    return find_identity(int(text))
