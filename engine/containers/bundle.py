"""
The directories of a container: `<root>/containers/<id>`, which lasts, and `<run>/containers/<id>`.

The first holds the bundle (`config.json`, `rootfs`), the log and the files that are shown in the
container's /etc. It exists as long as anything of the container does. The second exists while
something is or was running, and says so: whoever finds it knows that there is something to clear.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import from_oserror
from engine.system.kernel_files import read_small
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.system.paths import EnginePaths

PRIVATE = 0o700
READABLE = 0o644
RESOLVER_LIMIT = 64 * 1024
LOG = "container.log"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where the things of one container are."""

    id: str
    directory: Path
    run: Path

    @property
    def rootfs(self) -> Path:
        """Where its file system is mounted while it runs."""
        return self.directory / "rootfs"

    @property
    def spec(self) -> Path:
        """The runtime spec of the last start."""
        return self.directory / "config.json"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.directory / LOG

    @property
    def etc(self) -> Mapping[str, Path]:
        """The files that stand in its /etc, by their path there."""
        names = ("resolv.conf", "hostname", "hosts")
        return {f"/etc/{name}": self.directory / name for name in names}

    @property
    def process_file(self) -> Path:
        """Who its first process is."""
        return self.run / "process"

    @property
    def monitor_pid_file(self) -> Path:
        """The number of the monitor's process."""
        return self.run / "monitor.pid"

    @property
    def mark(self) -> Path:
        """What the monitor, and what it launches with, holds on to."""
        return self.run / "mark"

    @property
    def oom_file(self) -> Path:
        """Made by the monitor when the kernel killed for lack of memory."""
        return self.run / "oom"

    @property
    def attach_socket(self) -> Path:
        """Where the monitor takes attachments."""
        return self.directory / "attach"

    @property
    def control_pipe(self) -> Path:
        """Where the monitor takes orders."""
        return self.directory / "ctl"

    @property
    def execs(self) -> Path:
        """One directory for each command that was run in it since its start."""
        return self.run / "exec"

    @property
    def shm(self) -> Path:
        """What stands at its /dev/shm, where it shares that with others."""
        return self.run / "shm"

    @property
    def cgroup_note(self) -> Path:
        """The name of its control group, where it was to have another than the usual parent."""
        return self.run / "cgroup"

    @property
    def cgroup(self) -> str:
        """The name of its control group: that of its last launch, noted or the usual one."""
        return read_small(self.cgroup_note) or f"/shipshape/{self.id}"

    @property
    def limits(self) -> Path:
        """The limits that the runtime is to give it while it runs."""
        return self.run / "resources.json"


class Bundles:
    """The directories of all containers of one engine."""

    def __init__(self, paths: EnginePaths) -> None:
        self._lasting = paths.containers
        self._running = paths.run / "containers"
        # Of the commands that run in containers: see `exec_ends`.
        self.exec_notes = paths.execs
        # Of control groups: see `cgroup_parents`.
        self.cgroup_notes = paths.cgroups

    def locate(self, container_id: str) -> Bundle:
        """Return where the things of *container_id* are, whether they are or not."""
        return Bundle(container_id, self._lasting / container_id, self._running / container_id)

    def list_ids(self) -> set[str]:
        """Return the IDs of all containers that have a directory."""
        return {each.name for place in (self._lasting, self._running) for each in _children(place)}

    def running_ids(self) -> set[str]:
        """Return the IDs of the containers that have a run directory."""
        return {each.name for each in _children(self._running)}

    def list_running(self) -> list[Bundle]:
        """Return the places of the containers that have a run directory."""
        return [self.locate(each) for each in self.running_ids()]

    def make(self, bundle: Bundle) -> None:
        """Make the lasting directory, readable by nobody else."""
        with _translated("make the container's directory"):
            bundle.directory.mkdir(mode=PRIVATE, exist_ok=True)

    def make_run(self, bundle: Bundle) -> None:
        """
        Make the run directory: from here on there is something to clear.

        The place to mount its files at is made then, too: most containers that are cleared away
        never had a use for one, and each directory costs at its removal.
        """
        with _translated("make the container's run directory"):
            bundle.run.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            bundle.rootfs.mkdir(mode=PRIVATE, parents=True, exist_ok=True)

    def has_run(self, bundle: Bundle) -> bool:
        """Whether there is something to clear."""
        return bundle.run.exists()

    def write_files(self, bundle: Bundle, *, hosts: str, hostname: str, resolver: str) -> None:
        """Write what the container shall find in its /etc."""
        contents = {"hosts": hosts, "hostname": f"{hostname}\n", "resolv.conf": resolver}
        with _translated("write the container's files"):
            for path in bundle.etc.values():
                path.write_text(contents[path.name])
                path.chmod(READABLE)
            # A log can be read before anything was printed.
            bundle.log.touch(mode=0o600)

    def note_parent(self, bundle: Bundle, parent: str) -> None:
        """Note below which control group the container's own is to be."""
        with _translated("note the container's control group"):
            bundle.cgroup_note.write_text(f"/{parent.strip('/')}/{bundle.id}")

    def write_spec(self, bundle: Bundle, spec: dict[str, Any]) -> None:
        """Write the runtime spec of the start to come."""
        with _translated("write the runtime spec"):
            _write_private(bundle.spec, json.dumps(spec))

    def write_limits(self, bundle: Bundle, resources: dict[str, Any]) -> None:
        """Write the limits that the runtime is to read."""
        with _translated("write the limits"):
            _write_private(bundle.limits, json.dumps(resources))

    def remove_run(self, bundle: Bundle) -> None:
        """Remove the run directory: nothing is left to clear."""
        _remove_tree(bundle.run)

    def remove(self, bundle: Bundle) -> None:
        """Remove the lasting directory; raise `SystemFailure` while something is mounted in it."""
        try:
            bundle.rootfs.rmdir()
        except OSError as error:
            # Of a mount point the kernel says that it is busy, of our own leavings that they are.
            if error.errno == errno.EBUSY:
                raise from_oserror(error, f"remove {bundle.rootfs}") from error
        _remove_tree(bundle.directory)


def host_resolver(path: Path) -> str:
    """Return the host's resolver configuration, which the container gets."""
    try:
        with path.open("rb") as stream:
            return stream.read(RESOLVER_LIMIT).decode(errors="replace")
    except OSError:
        return ""


def _write_private(path: Path, content: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w") as stream:
        stream.write(content)


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _remove_tree(directory: Path) -> None:
    # What is still mounted there, a directory of the host perhaps, is not entered.
    with _translated("remove the container's directory"):
        remove_tree(directory)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise from_oserror(error, doing) from error
