"""Fakes of what containers stand on: monitor, runtime, control groups and images."""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from engine.errors import CommandNotFound, ImageNotFound, RuntimeFailed
from engine.oci.config import ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import DiffID, Digest, ImageID
from engine.oci.platform import Platform
from engine.oci.reference import Reference
from engine.oci.timestamps import EPOCH
from engine.system.processes import ProcessIdentity, boot_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.containers.attachment import StreamKind
    from engine.containers.bundle import Bundle
    from engine.containers.exec_monitor import ExecLaunch
    from engine.containers.exec_record import ExecPlace
    from engine.containers.monitor import Launch
    from engine.images.derive import Derivation
    from engine.images.record import ImageRecord

FIRST_PID = 4_000_000_000


@dataclass(slots=True)
class FakeProcess:
    """A container as the fake host has it."""

    pid: int
    is_held: bool = True
    is_alive: bool = True
    is_watched: bool = True
    signals: list[int] = field(default_factory=list)
    attached: list[socket.socket] = field(default_factory=list)
    size: tuple[int, int] | None = None


class FakeHost:
    """The processes and control groups that fake monitors and runtimes act on."""

    def __init__(self, exits: Path) -> None:
        self.exits = exits
        self.containers: dict[str, FakeProcess] = {}
        self.execs: dict[str, FakeProcess] = {}
        self.cgroups: set[str] = set()
        self.oom_kills: dict[str, int] = {}
        self.boot = boot_id()
        self.missing_commands: set[str] = set()
        self.deaf: set[str] = set()
        self.unreaped: set[str] = set()
        self.frozen: set[str] = set()
        self.limits: dict[str, object] = {}
        self.changed = threading.Condition()
        self._pids = itertools.count(FIRST_PID)

    def next_pid(self) -> int:
        return next(self._pids)

    def finish(self, container_id: str, code: int = 0) -> None:
        """Let the container's first process end with *code*."""
        process = self.containers[container_id]
        if not process.is_alive:
            return
        process.is_alive = process.is_held = False
        if process.is_watched:
            aside = self.exits / f"{container_id}.tmp"
            aside.write_text(str(code))
            aside.rename(self.exits / container_id)
            # Whoever has seen the exit may have deleted the container already.
            self._end_monitor(process)

    def print(self, container_id: str, kind: StreamKind, content: bytes) -> None:
        """Let the container print *content* to whoever is attached."""
        for each in self.containers[container_id].attached:
            each.send(bytes([kind]) + content)

    def kill_monitor(self, container_id: str) -> None:
        """Kill the monitor alone, as the kernel might."""
        self._end_monitor(self.containers[container_id])

    def _end_monitor(self, process: FakeProcess) -> None:
        with self.changed:
            process.is_watched = False
            while process.attached:
                process.attached.pop().close()
            self.changed.notify_all()

    def hang_up(self) -> None:
        """Close every connection that somebody attached has."""
        for process in (*self.containers.values(), *self.execs.values()):
            while process.attached:
                process.attached.pop().close()

    def reboot(self) -> None:
        """Forget everything that does not outlive a reboot."""
        self.containers.clear()
        self.cgroups.clear()
        self.boot = f"after-{self.boot}"


class FakeMonitor:
    """A `Monitor` whose processes are entries in a `FakeHost`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    def launch(self, launch: Launch) -> int:
        bundle = launch.bundle
        assert bundle.spec.exists()
        if bundle.id in self.host.missing_commands:
            raise CommandNotFound("nope", reason="executable file not found in $PATH")
        if bundle.id in self.host.containers:
            raise RuntimeFailed("create", stderr=f"container with id exists: {bundle.id}")
        process = FakeProcess(self.host.next_pid())
        self.host.containers[bundle.id] = process
        self.host.cgroups.add(bundle.cgroup)
        bundle.process_file.write_text(f"{process.pid} 1 {self.host.boot}\n")
        return process.pid

    def is_watching(self, bundle: Bundle) -> bool:
        process = self.host.containers.get(bundle.id)
        return process is not None and process.is_watched

    def wait(self, bundle: Bundle, *, timeout: float) -> bool:
        with self.host.changed:
            return self.host.changed.wait_for(lambda: not self.is_watching(bundle), timeout)

    def abort(self, bundle: Bundle) -> bool:
        process = self.host.containers.get(bundle.id)
        if process is not None:
            self.host.kill_monitor(bundle.id)
        return True

    def connect(self, bundle: Bundle) -> socket.socket:
        if not self.is_watching(bundle):
            raise RuntimeFailed("attach to", stderr="no monitor")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.host.containers[bundle.id].attached.append(theirs)
        return ours

    def hang_up(self, bundle: Bundle) -> None:
        if self.is_watching(bundle):
            attached = self.host.containers[bundle.id].attached
            while attached:
                attached.pop().close()

    def resize(self, bundle: Bundle, *, rows: int, columns: int) -> None:
        if self.is_watching(bundle):
            self.host.containers[bundle.id].size = (rows, columns)


class FakeRuntime:
    """A `Runtime` over a `FakeHost`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    def start(self, bundle: Bundle) -> None:
        process = self.host.containers.get(bundle.id)
        if process is None or not process.is_held:
            raise RuntimeFailed("start", stderr="no such container is waiting")
        process.is_held = False

    def is_held(self, bundle: Bundle) -> bool:
        process = self.host.containers.get(bundle.id)
        return process is not None and process.is_held

    def has_ended(self, bundle: Bundle) -> bool:
        process = self.host.containers.get(bundle.id)
        return process is not None and not process.is_alive

    def is_of_this_boot(self, bundle: Bundle) -> bool:
        try:
            return bundle.process_file.read_text().split()[2] == self.host.boot
        except FileNotFoundError:
            return False

    def identity(self, bundle: Bundle) -> ProcessIdentity | None:
        try:
            return ProcessIdentity.parse(bundle.process_file.read_text())
        except FileNotFoundError:
            return None

    def signal(self, bundle: Bundle, number: int) -> bool:
        process = self.host.containers.get(bundle.id)
        if process is None or not process.is_alive:
            return False
        process.signals.append(number)
        if number == 9 or bundle.id not in self.host.deaf:
            self.host.finish(bundle.id, 128 + number)
        return True

    def update(self, bundle: Bundle) -> None:
        if bundle.id not in self.host.containers:
            raise RuntimeFailed("update", stderr="container does not exist")
        self.host.limits[bundle.id] = json.loads(bundle.limits.read_text())

    def delete(self, bundle: Bundle) -> None:
        self.host.containers.pop(bundle.id, None)


class FakeExecMonitor:
    """An `ExecMonitor` that knows echo, false and sleep."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    def start(self, launch: ExecLaunch) -> socket.socket:
        place = launch.place
        program, *words = json.loads(place.process.read_bytes())["args"]
        if program not in {"/bin/echo", "/bin/false", "/bin/sleep"}:
            raise CommandNotFound(program, reason="no such file or directory")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        place.pid_file.write_text(str(self.host.next_pid()))
        self.host.execs[place.id] = FakeProcess(self.host.next_pid(), attached=[theirs])
        if program == "/bin/echo":
            theirs.send(b"\2" + " ".join(words).encode() + b"\n")
        if program != "/bin/sleep":
            self.finish(place, int(program == "/bin/false"))
        return ours

    def finish(self, place: ExecPlace, code: int) -> None:
        process = self.host.execs[place.id]
        place.exit_file.write_text(str(code))
        with self.host.changed:
            process.is_watched = False
            process.attached.pop().close()
            self.host.changed.notify_all()

    def is_watching(self, place: ExecPlace) -> bool:
        process = self.host.execs.get(place.id)
        return process is not None and process.is_watched

    def wait(self, place: ExecPlace, *, timeout: float) -> bool:
        with self.host.changed:
            return self.host.changed.wait_for(lambda: not self.is_watching(place), timeout)

    def resize(self, place: ExecPlace, *, rows: int, columns: int) -> None:
        if self.is_watching(place):
            self.host.execs[place.id].size = (rows, columns)

    def kill(self, place: ExecPlace) -> None:
        self.abort([place], grace=0)

    def abort(self, places: Sequence[ExecPlace], *, grace: float) -> bool:
        for each in places:
            if self.is_watching(each):
                self.finish(each, 137)
        return True


class FakeCgroups:
    """The control groups of a `FakeHost`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    def expect_move(self) -> None:
        pass

    def destroy(self, path: str) -> bool:
        if path in self.host.unreaped:
            return False
        self.host.cgroups.discard(path)
        process = self.host.containers.get(path.rpartition("/")[2])
        if process is not None:
            process.is_alive = False
        return True

    def missing_parents(self, path: str) -> list[str]:
        parents = [str(each) for each in PurePosixPath(path).parents if each.name]
        return [each for each in parents if not self._is_there(each)]

    def remove_empty(self, path: str) -> bool:
        return not self._is_there(path)

    def _is_there(self, path: str) -> bool:
        return any(each.startswith(f"{path}/") for each in self.host.cgroups)

    def members(self, path: str) -> list[int]:
        process = self.host.containers.get(path.rpartition("/")[2])
        return [process.pid] if process is not None and process.is_alive else []

    def has_groups_below(self, path: str) -> bool:
        return self._is_there(path)

    def directories(self, path: str) -> list[Path]:
        return [Path("/cgroup") / path.lstrip("/")] if path in self.host.cgroups else []

    def freeze(self, path: str) -> None:
        self.host.frozen.add(path)

    def thaw(self, path: str) -> None:
        self.host.frozen.discard(path)

    def is_frozen(self, path: str) -> bool:
        return path in self.host.frozen

    def oom_kills(self, path: str) -> int:
        return self.host.oom_kills.get(path, 0)


@dataclass(frozen=True, slots=True)
class FakeImage:
    """An image as containers see one."""

    id: ImageID
    config: ImageConfig
    tags: Sequence[Reference] = ()


class FakeImages:
    """An `ImageSource` in memory."""

    def __init__(self) -> None:
        self.images: dict[str, FakeImage] = {}
        self.used: list[ImageID] = []

    def add(self, name: str, *, diff_id: DiffID, **defaults: object) -> FakeImage:
        content = render_config(
            platform=Platform("linux", "amd64"),
            diff_ids=(diff_id,),
            history=(),
            defaults=ProcessDefaults(**defaults),  # type: ignore[arg-type]
            created_at=EPOCH,
        )
        config = ImageConfig.parse(content)
        image = FakeImage(config.image_id, config, (Reference.parse(name),))
        self.images[name] = self.images[str(image.id)] = image
        return image

    def remove(self, name: str) -> None:
        image = self.images.pop(name)
        self.images.pop(str(image.id))

    def get(self, text: str) -> FakeImage:
        if text not in self.images:
            raise ImageNotFound(text)
        return self.images[text]

    def mark_used(self, image_id: ImageID) -> None:
        self.used.append(image_id)


@dataclass(frozen=True, slots=True)
class Derived:
    """What a `FakeDeriver` was asked to make."""

    id: ImageID
    base: ImageID
    layer: bytes
    derivation: Derivation
    source: str


class FakeDeriver:
    """An `ImageDeriver` that keeps the tars."""

    def __init__(self) -> None:
        self.derived: list[Derived] = []

    def derive(
        self,
        base: ImageID,
        layer: Iterable[bytes],
        derivation: Derivation,
        *,
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        content = b"".join(layer)
        made = Derived(ImageID(Digest.of(content)), base, content, derivation, source)
        self.derived.append(made)
        return cast("ImageRecord", made)


def random_diff_id() -> DiffID:
    return DiffID(Digest.of(os.urandom(16)))
