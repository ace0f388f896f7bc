"""Running commands in running containers."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.containers.attachment import Attachment, Wanted
from engine.containers.capabilities import all_capabilities, capability_sets
from engine.containers.entry import Inside, find_entry
from engine.containers.exec_ends import ExecEnds
from engine.containers.exec_monitor import ExecLaunch
from engine.containers.exec_record import ExecStore, iter_records, read_number
from engine.containers.process import merged_env, with_home
from engine.containers.settle import KILLED
from engine.containers.state import ContainerState
from engine.containers.telling import tell
from engine.containers.users import read_accounts, resolve_user
from engine.errors import (
    CommandNotFound,
    ContainerNotRunning,
    ContainerPaused,
    ExecNotFound,
    InvalidSetting,
    RuntimeFailed,
)
from engine.settings.security import UNCONFINED
from engine.system.processes import kill_and_wait, session_of

if TYPE_CHECKING:
    import socket

    from engine.containers.bundle import Bundle
    from engine.containers.exec_record import ExecPlace, ExecRecord
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.settings.execution import ExecSettings
    from engine.system.entering.entry import Entry

NOT_RUN = 126
END_SECONDS = 10.0


class Executor:
    """Runs commands in running containers."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._store = ExecStore(means.bundles)
        self._ends = ExecEnds(means)

    def create(self, record: ContainerRecord, settings: ExecSettings) -> ExecRecord:
        """
        Note a command that is to be run; raise `ContainerNotRunning` or `ContainerPaused`.

        To be called with the container's lock held.
        """
        check_runs(record)
        bundle = self._means.bundles.locate(record.id)
        created = self._store.add(bundle, settings)
        tell(self._means.events, _told("exec_create", settings), record, execID=created.id)
        return created

    def container_of(self, exec_id: str) -> str:
        """Return the ID of the container that the exec is of; raise `ExecNotFound`."""
        return self._store.locate(exec_id).bundle.id

    def start(self, record: ContainerRecord, exec_id: str) -> Attachment:
        """
        Run the command and return a conversation with it.

        Raises `ExecStarted` if it was started before, `CommandNotFound`, or `InvalidSetting` for a
        user that the container does not have; the record has the exit code then.
        """
        check_runs(record)
        place = self._store.locate(exec_id)
        settings = self._store.read(place).settings
        spec = read_spec(place.bundle)
        try:
            process = exec_process(
                spec, place.bundle, settings, bits=self._means.host.capability_bits
            )
        except InvalidSetting:
            self._store.mark_ended(place, NOT_RUN)
            raise
        with self._store.starting(place, process):
            self._ends.expect(place)
            tell(self._means.events, _told("exec_start", settings), record, execID=exec_id)
            launch = ExecLaunch(
                place,
                tty=settings.tty,
                open_stdin=settings.stdin,
                entry=self._entry(record, place.bundle, spec, process),
            )
            connection = self._connection(launch)
        return Attachment(
            wanted=Wanted(settings.stdin, settings.stdout, settings.stderr),
            connection=connection,
            exit_code=lambda: self._exit_code(place),
        )

    def _connection(self, launch: ExecLaunch) -> socket.socket:
        """Return a connection to the command, which runs; note it where it could not be run."""
        try:
            return self._means.exec_monitor.start(launch)
        except (CommandNotFound, RuntimeFailed) as error:
            code = error.exit_code if isinstance(error, CommandNotFound) else NOT_RUN
            self._ends.forget(launch.place)
            self._store.mark_ended(launch.place, code)
            raise

    def _entry(
        self,
        record: ContainerRecord,
        bundle: Bundle,
        spec: dict[str, Any],
        process: dict[str, Any],
    ) -> Entry | None:
        """Return how to start the process without the runtime, where nothing is out of the way."""
        cgroups = self._means.cgroups
        first = self._means.runtime.identity(bundle)
        # A profile that somebody wrote may forbid what is done here before the command runs.
        is_usual = record.settings.security.seccomp in {"", UNCONFINED}
        # Where a container has groups of its own, cgroup v2 may want a process in one of them.
        if first is None or not is_usual or cgroups.has_groups_below(bundle.cgroup):
            return None
        groups = tuple(cgroups.directories(bundle.cgroup))
        return find_entry(Inside(bundle.id, spec, first, groups), process)

    def kill(self, exec_id: str) -> None:
        """End the command by force; one that has ended is fine."""
        with suppress(ExecNotFound):
            self._means.exec_monitor.kill(self._store.locate(exec_id))

    def end(self, exec_id: str, *, grace: float) -> None:
        """
        End the command unless it ends in *grace* seconds, and what it left in its session.

        What has made a session of its own goes on, as after a hang-up. To end twice is fine.
        """
        with suppress(ExecNotFound):
            place = self._store.locate(exec_id)
            self._means.exec_monitor.wait(place, timeout=grace)
            self._end_session(place)
            self._means.exec_monitor.kill(place)
            self._known(place)

    def _end_session(self, place: ExecPlace) -> None:
        pid = read_number(place.pid_file)
        deadline = time.monotonic() + END_SECONDS
        # One that forks meanwhile may leave another behind; what is in the session gets fewer. In
        # a container that is paused nothing ends before that does.
        while pid is not None and (left := self._in_session(place, pid)):
            kill_and_wait(left, timeout=max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                return

    def _in_session(self, place: ExecPlace, leader: int) -> list[int]:
        members = self._means.cgroups.members(place.bundle.cgroup)
        return [each for each in members if session_of(each) == leader]

    def get(self, exec_id: str) -> ExecRecord:
        """Return what is known of the exec; raise `ExecNotFound`."""
        place = self._store.locate(exec_id)
        found = self._known(place)
        self._tell_end(place, found)
        return found

    def _known(self, place: ExecPlace) -> ExecRecord:
        """Return the record; one whose monitor was killed has ended, and its processes with it."""
        found = self._store.read(place)
        if not found.is_running or self._is_attended(place):
            return found
        # Between the look at the exit file and this one it may have ended.
        found = self._store.read(place)
        if not found.is_running:
            return found
        self._end_session(place)
        self._store.mark_ended(place, KILLED)
        return self._store.read(place)

    def _is_attended(self, place: ExecPlace) -> bool:
        return self._store.is_starting(place) or self._means.exec_monitor.is_watching(place)

    def list_of(self, bundle: Bundle) -> list[ExecRecord]:
        """Return the execs of a container since its start, the oldest first."""
        return list(iter_records(self._store, bundle))

    def resize(self, exec_id: str, *, rows: int, columns: int) -> None:
        """Give the exec's terminal a size; raise `ExecNotFound`."""
        place = self._store.locate(exec_id)
        self._means.exec_monitor.resize(place, rows=rows, columns=columns)

    def _exit_code(self, place: ExecPlace) -> int | None:
        self._means.exec_monitor.wait(place, timeout=END_SECONDS)
        with suppress(ExecNotFound):
            found = self._known(place)
            self._tell_end(place, found)
            return found.exit_code
        # The container ended, and everything in it with it.
        return KILLED

    def _tell_end(self, place: ExecPlace, found: ExecRecord) -> None:
        if found.exit_code is not None:
            self._ends.tell(place, found.exit_code)


def check_runs(record: ContainerRecord) -> None:
    """Raise unless commands can be run in the container."""
    if record.state is ContainerState.PAUSED:
        raise ContainerPaused(record.name, doing="exec")
    if not record.is_running:
        raise ContainerNotRunning(record.name, state=record.state)


def read_spec(bundle: Bundle) -> dict[str, Any]:
    """Return the runtime spec that the container was started with; raise `RuntimeFailed`."""
    try:
        spec: dict[str, Any] = json.loads(bundle.spec.read_bytes())
    except (OSError, ValueError) as error:
        raise RuntimeFailed("exec in", stderr="its runtime spec cannot be read") from error
    return spec


def exec_process(
    spec: dict[str, Any], bundle: Bundle, settings: ExecSettings, *, bits: int
) -> dict[str, Any]:
    """
    Return the process of a command in a running container, after that of the container's own.

    A privileged one has all capabilities of the host, which are *bits*.
    """
    process: dict[str, Any] = dict(spec["process"])
    process.pop("consoleSize", None)
    terminal = ["TERM=xterm"] * settings.tty
    process |= {
        "terminal": settings.tty,
        "args": list(settings.command),
        "env": list(merged_env(terminal, process["env"], settings.env)),
        "cwd": settings.working_dir or process["cwd"],
    }
    if settings.user:
        _become(process, settings, bundle)
    if settings.privileged:
        process["capabilities"] = capability_sets(all_capabilities(bits), is_root=True)
    return process


def _become(process: dict[str, Any], settings: ExecSettings, bundle: Bundle) -> None:
    identity = resolve_user(settings.user, read_accounts(bundle.rootfs))
    process["user"] = {
        "uid": identity.uid,
        "gid": identity.gid,
        "additionalGids": list(identity.groups or (identity.gid,)),
    }
    env = [each for each in process["env"] if not each.startswith("HOME=")]
    asked = [each for each in settings.env if each.startswith("HOME=")]
    process["env"] = list(with_home((*env, *asked), identity.home))
    granted = tuple(process["capabilities"].get("bounding", ()))
    process["capabilities"] = capability_sets(granted, is_root=identity.uid == 0)


def _told(action: str, settings: ExecSettings) -> str:
    """Return *action* with the command; docker has a blank behind its name, arguments or not."""
    return f"{action}: {settings.command[0]} {' '.join(settings.command[1:])}"
