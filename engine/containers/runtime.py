"""
The runtime: the program that makes a process out of a bundle.

The monitor has it create containers; what remains is here: letting a held process go, sending
signals, and clearing away what the runtime keeps.
"""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from engine.containers.complaints import last_words
from engine.errors import ProgramNotFound, RuntimeFailed
from engine.system.cgroups import CgroupLayout, detect_layout
from engine.system.processes import (
    ProcessIdentity,
    arguments_of,
    boot_id,
    kill_and_wait,
    read_from_held,
)
from engine.system.runner import find_program, get_program, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.containers.bundle import Bundle
    from engine.system.paths import EnginePaths

START_SECONDS = 60.0
# A created process waits until somebody opens this pipe; runc and crun alike.
HOLDING_PIPE = "exec.fifo"


@dataclass(frozen=True, slots=True)
class Program:
    """A runtime to run: its *path*, the *arguments* that come first, and why it was chosen."""

    path: str
    state: Path
    reason: str

    @property
    def is_runc(self) -> bool:
        """Whether it is runc, some of whose ways are known here."""
        return self.path.endswith("/runc")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What every call begins with."""
        return ("--root", str(self.state))


def choose_runtime(
    layout: CgroupLayout, state: Path, *, find: Callable[[str], str | None] = find_program
) -> Program:
    """
    Return the runtime that works on this host, with the reason in words.

    runc where it is installed; crun otherwise, unless the host mixes both cgroup versions, which
    crun refuses. Raises `ProgramNotFound`.
    """
    runc, crun = find("runc"), find("crun")
    if runc is not None:
        return Program(runc, state, f"runc, which works with cgroup {layout}")
    if crun is None:
        raise ProgramNotFound("runc", remedy="Install it, for example: apt-get install runc")
    if layout is CgroupLayout.HYBRID:
        raise ProgramNotFound(
            "runc", remedy="crun is installed, but refuses this host's hybrid cgroups: install runc"
        )
    return Program(crun, state, f"crun, because runc is not installed (cgroup {layout})")


class Programs:
    """The programs that containers stand on, looked for when the first one is needed."""

    def __init__(self, paths: EnginePaths) -> None:
        self._paths = paths

    @cached_property
    def runtime(self) -> Program:
        """The runtime of this host; raises `ProgramNotFound`."""
        return choose_runtime(detect_layout(), self.state)

    @cached_property
    def conmon(self) -> str:
        """The path of conmon; raises `ProgramNotFound`."""
        return get_program("conmon")

    @property
    def state(self) -> Path:
        """Where the runtime keeps what it knows of the containers that run."""
        return self._paths.run / "runtime"


class Runtime(Protocol):
    """Acts on containers that a monitor has created."""

    def start(self, bundle: Bundle) -> None:
        """Let the held process go on to its program; raise `RuntimeFailed`."""

    def is_held(self, bundle: Bundle) -> bool:
        """Whether the process was created and not let go yet."""

    def has_ended(self, bundle: Bundle) -> bool:
        """Whether the first process was launched and has ended since."""

    def is_of_this_boot(self, bundle: Bundle) -> bool:
        """Whether the container was launched since the machine was started."""

    def identity(self, bundle: Bundle) -> ProcessIdentity | None:
        """Return who was noted as the first process at the launch, if there was one."""

    def signal(self, bundle: Bundle, number: int) -> bool:
        """Send a signal to the first process; return False when it has ended."""

    def update(self, bundle: Bundle) -> None:
        """Give the running container the limits that stand in its bundle; raise `RuntimeFailed`."""

    def delete(self, bundle: Bundle) -> None:
        """
        Kill what is left of the container and forget it; one that is not there is fine.

        Its control group is not touched.
        """


class OciRuntime:
    """A `Runtime` that is runc or crun."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def start(self, bundle: Bundle) -> None:
        """Let the process go: by its pipe where that is all there is to it, else by `start`."""
        program = self._programs.runtime
        if program.is_runc:
            self._open_pipe(bundle)
            return
        words = [program.path, *program.arguments, "start", bundle.id]
        finished = run(words, timeout=START_SECONDS)
        if finished.code != 0:
            raise RuntimeFailed("start", stderr=finished.complaint)

    def _open_pipe(self, bundle: Bundle) -> None:
        # runc's own `start` does exactly this, but takes longer than all else of a start to do it.
        pipe = self._state(bundle) / HOLDING_PIPE
        identity = self.identity(bundle)
        if identity is None or not self.is_held(bundle):
            raise RuntimeFailed("start", stderr="it is not waiting to be started")
        with suppress(FileNotFoundError):
            # One that was let go by somebody who died right after will not answer, but goes on.
            if not read_from_held(
                pipe, identity, timeout=START_SECONDS, is_held=lambda: self.is_held(bundle)
            ):
                raise RuntimeFailed("start", stderr="its process does not go on")
            pipe.unlink()

    def is_held(self, bundle: Bundle) -> bool:
        """Whether the process still waits at its pipe, and so is not the container's yet."""
        identity = self.identity(bundle)
        if identity is None or not identity.is_alive:
            return False
        # Whoever was to remove the pipe after the process had gone on may have been killed.
        is_runtimes = not self._programs.runtime.is_runc or _is_runc_init(identity.pid)
        return is_runtimes and (self._state(bundle) / HOLDING_PIPE).exists()

    def has_ended(self, bundle: Bundle) -> bool:
        """Whether the process that was noted at the launch is there no more."""
        identity = self.identity(bundle)
        return identity is not None and not identity.is_alive

    def is_of_this_boot(self, bundle: Bundle) -> bool:
        """Whether the process that was noted at the launch was noted in this boot."""
        identity = self.identity(bundle)
        return identity is not None and identity.boot == boot_id()

    def identity(self, bundle: Bundle) -> ProcessIdentity | None:
        """Return what the launch wrote down."""
        try:
            return ProcessIdentity.parse(bundle.process_file.read_text())
        except FileNotFoundError:
            return None

    def signal(self, bundle: Bundle, number: int) -> bool:
        """Send the signal, to that very process or to none."""
        identity = self.identity(bundle)
        return identity is not None and identity.send(number)

    def update(self, bundle: Bundle) -> None:
        """Have the runtime write the limits to the control groups."""
        program = self._programs.runtime
        words = [program.path, *program.arguments, "update", "-r", str(bundle.limits), bundle.id]
        finished = run(words, timeout=START_SECONDS)
        if finished.code != 0:
            raise RuntimeFailed("update", stderr=last_words(finished.complaint))

    def delete(self, bundle: Bundle) -> None:
        """Kill the first process, and with it all others; remove the runtime's state."""
        identity = self.identity(bundle)
        if identity is not None and identity.is_alive:
            identity.send(signal.SIGKILL)
            kill_and_wait([identity.pid])
        # Once processes and cgroup are gone, this directory is all that a runtime's own `delete`
        # would remove; starting it for that takes longer than everything else here.
        shutil.rmtree(self._state(bundle), ignore_errors=True)

    def _state(self, bundle: Bundle) -> Path:
        return self._programs.state / bundle.id


def _is_runc_init(pid: int) -> bool:
    words = arguments_of(pid)
    return len(words) == 2 and words[0].endswith("runc") and words[1] == "init"
