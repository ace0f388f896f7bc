"""
The containers of one engine: one method for each verb.

A container is meant by its ID, the beginning of one, or its name. Every method may be called from
any thread and any process that has the engine root open. Whoever reads settles: an exit that
nobody took into account yet is, before the answer.

The module is long because the verbs are many; how each is done stands in a module of its own.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.containers.alter import Alterer
from engine.containers.archive import Archiver, PathStat
from engine.containers.assembly import linux_means
from engine.containers.attach import Attacher
from engine.containers.attachment import Attachment, StreamKind, Wanted
from engine.containers.commit import Committer
from engine.containers.create import Creator, lock_name
from engine.containers.departed import Departed, DepartedLimits
from engine.containers.endpoints import Connector, check_connectable, member_of
from engine.containers.exec_record import ExecRecord
from engine.containers.execute import Executor
from engine.containers.filters import EVERYTHING, PruneFilter
from engine.containers.keeper import Keeper
from engine.containers.log_reader import LogQuery, LogReader
from engine.containers.logs import BYTES, LINES, START, LogCursor, LogLine, LogPage
from engine.containers.mounting import Mounting
from engine.containers.oneshot import OneShots
from engine.containers.pause import Pauser
from engine.containers.probe import Prober
from engine.containers.process import stop_signal
from engine.containers.reconcile import Reconciled, Reconciler
from engine.containers.record import (
    AT_REST,
    NOBODY,
    Attached,
    ContainerRecord,
    ExitStatus,
    IfRunning,
    Loss,
    Pruned,
    WaitFor,
)
from engine.containers.remove import Remover
from engine.containers.reset import Resetter
from engine.containers.resources import warnings
from engine.containers.sandbox import DEFAULT_TARGET, Sandboxer
from engine.containers.sandbox_files import Sandbox
from engine.containers.settle import Settler
from engine.containers.sizes import (
    drop_log,
    iter_container_changes,
    log_bytes,
    loss_of,
    writable_bytes,
)
from engine.containers.start import Starter
from engine.containers.state import ContainerState
from engine.containers.stats import Sampler, StatsSample
from engine.containers.stop import Stopper
from engine.containers.telling import tell
from engine.containers.tending import tend_logs
from engine.containers.top import Top, list_processes
from engine.containers.trash import ContainerTrash
from engine.containers.wait import Patience, Waiter
from engine.errors import (
    ContainerNotFound,
    ContainerNotRunning,
    ContainerRunning,
    EngineError,
)
from engine.settings import ContainerSettings, ResourceUpdate
from engine.settings.execution import ExecSettings
from engine.settings.signals import parse_signal
from engine.system.mounter import LinuxMounter

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.containers.output import Output
    from engine.containers.ports import ImageDeriver, ImageSource, Means
    from engine.containers.together import Removed
    from engine.events import EventLog
    from engine.images.record import ImageRecord
    from engine.layers.diff import Change
    from engine.networks.networks import NetworkMeans
    from engine.networks.wiring import Member
    from engine.oci.digest import ImageID
    from engine.oci.reference import Reference
    from engine.settings.mounts import MountPoint
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.paths import EnginePaths
    from engine.volumes.volumes import Volumes

__all__ = [
    "Attachment",
    "ContainerRecord",
    "ContainerSettings",
    "Containers",
    "Departed",
    "ExecRecord",
    "ExecSettings",
    "ExitStatus",
    "IfRunning",
    "LogCursor",
    "LogLine",
    "LogPage",
    "Loss",
    "PathStat",
    "PruneFilter",
    "Pruned",
    "Reconciled",
    "Sandbox",
    "StatsSample",
    "StreamKind",
    "Top",
    "WaitFor",
    "open_containers",
]

STOP_SECONDS = 10.0
# How long the end of a container may come after the end of its output.
END_SECONDS = 10.0
SIGKILL = 9


class Containers:
    """The containers of one engine root."""

    def __init__(self, means: Means, *, chooser: random.Random | None = None) -> None:
        self._means = means
        self._settler = Settler(means)
        self._connector = Connector(means)
        self._mounting = Mounting(means)
        self._creator = Creator(means, chooser)
        self._starter = Starter(means, self._settler)
        self._remover = Remover(means, self._settler)
        self._stopper = Stopper(means, settler=self._settler, remover=self._remover)
        self._pauser = Pauser(means)
        self._alterer = Alterer(means)
        self._waiter = Waiter(means, self._stopper)
        self._attacher = Attacher(
            means, lambda record: self._stopper.await_end(record, END_SECONDS)
        )
        self._executor = Executor(means)
        self._archiver = Archiver(means, self._settler)
        self._resetter = Resetter(means, self._settler)
        self._sandboxer = Sandboxer(means, self._creator)
        self._committer = Committer(means)
        self.trash = ContainerTrash(means, self._settler)
        self._log_reader = LogReader(means, self._is_running)
        self._sampler = Sampler(means.host.memory_bytes)

    # --- Looking ------------------------------------------------------------------------------

    def get(self, ref: str) -> ContainerRecord:
        """Return the container *ref*; raise `ContainerNotFound` or `AmbiguousID`."""
        record = self._means.store.get(ref)
        settled = self._stopper.settled(record.id)
        if settled is None or self._means.store.find_by_id(record.id) is None:
            raise ContainerNotFound(ref)
        return settled

    def find(self, ref: str) -> ContainerRecord | None:
        """Return the container *ref*, or None."""
        try:
            return self.get(ref)
        except ContainerNotFound:
            return None

    def holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of the containers that were made from *image_id*, running or not."""
        return self._means.store.holders(image_id)

    def holders_of_each(self, image_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """As `holders`, of several images by their IDs; those without any are left out."""
        return self._means.store.holders_of_each(image_ids)

    def present_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """As `holders`, without those in the trash."""
        return self._means.store.present_holders(image_id)

    def trashed_holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of the containers in the trash that were made from *image_id*."""
        return self._means.store.trashed_holders(image_id)

    def list_by_id(self, ids: Sequence[str]) -> Sequence[ContainerRecord]:
        """Return those of the containers *ids* that are there, as they are recorded."""
        return self._means.store.list_by_id(ids)

    # --- Living -------------------------------------------------------------------------------

    def create(
        self, settings: ContainerSettings, *, owner: str = "", attached: Attached = NOBODY
    ) -> ContainerRecord:
        """
        Make a container and return its record, with what its maker says of themselves.

        It does not run yet.

        Raises `ImageNotFound`, `NameTaken` or `InvalidSetting`; then nothing is left of it.
        """
        return self._creator.create(settings, owner=owner, attached=attached)

    def start(self, ref: str) -> ContainerRecord:
        """
        Let the container run and return its record; one that runs already is fine.

        Raises `CommandNotFound` or what the host refuses: then the record says so, or is gone if
        the container was to be removed at its exit.
        """
        with self._held(ref) as record:
            if record.is_over:
                # It was to be removed at its exit, and nobody came to it yet.
                self._remover.remove(record)
                raise ContainerNotFound(ref)
            return self._started(record)

    def stop(
        self, ref: str, *, timeout: float | None = None, signal: str | None = None
    ) -> ContainerRecord:
        """
        Ask the container to end, kill it after *timeout* seconds, and return its last record.

        Without *timeout* its settings decide, else 10 seconds; a negative one waits without end.
        Without *signal* settings or image decide. One that does not run is fine; one that waits to
        be started again does not any more. It stays stopped when the machine is started anew.
        """
        number = None if signal is None else parse_signal(signal)
        record = self.get(ref)
        if not record.is_running and record.state is not ContainerState.RESTARTING:
            return record
        self._stopper.forbid_restart(record)
        record = self.get(record.id)
        if not record.is_running:
            return record
        return self._stopped(record, timeout, number, keeps=False)

    def kill(self, ref: str, *, signal: str = "SIGKILL") -> ContainerRecord:
        """
        Send a signal to the container's first process and return the record afterwards.

        After SIGKILL it has ended, and like after its stop signal its policy leaves it so. Raises
        `ContainerNotRunning` or `InvalidSetting`.
        """
        number = parse_signal(signal)
        record = self.get(ref)
        is_last = number in {SIGKILL, self._stop_signal(record)}
        if is_last:
            self._stopper.forbid_restart(record)
            if record.state is ContainerState.RESTARTING:
                return self.get(record.id)
        if not record.is_running:
            raise ContainerNotRunning(record.name, state=record.state)
        if number == SIGKILL:
            self._thawed(record)
            return self._stopper.kill(record)
        self._stopper.signal(record, number)
        if is_last:
            self._thawed(record)
        return self._stopper.settled(record.id) or record

    def restart(
        self, ref: str, *, timeout: float | None = None, signal: str | None = None
    ) -> ContainerRecord:
        """Stop the container, as `stop` does, if it runs; start it and return its record."""
        number = None if signal is None else parse_signal(signal)
        record = self.get(ref)
        if record.is_running:
            self._stopped(record, timeout, number, keeps=True)
        with self._held(record.id) as current:
            restarted = self._started(current)
            tell(self._means.events, "restart", restarted)
            return restarted

    def pause(self, ref: str) -> ContainerRecord:
        """Have the container's processes stand still; raise `WrongState` unless it runs."""
        with self._held(ref) as record:
            return self._pauser.pause(record)

    def unpause(self, ref: str) -> ContainerRecord:
        """Have the processes of a paused container go on; raise `WrongState` for any other."""
        with self._held(ref) as record:
            return self._pauser.unpause(record)

    def wait(
        self,
        ref: str,
        *,
        condition: WaitFor = WaitFor.NOT_RUNNING,
        timeout: float | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> ExitStatus | None:
        """
        Return how the container ended, as soon as *condition* holds.

        None if *timeout* seconds pass first, or *is_stopped*, which is asked every second. One that
        never ran counts as ended with code 0.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        return self._waiter.wait(ref, condition, Patience(deadline, is_stopped))

    def rename(self, ref: str, name: str) -> ContainerRecord:
        """Give the container another name; raise `InvalidSetting` or `NameTaken`."""
        with self._held(ref) as record:
            return self._alterer.rename(record, name)

    def update(self, ref: str, update: ResourceUpdate) -> ContainerRecord:
        """
        Give the container other limits or another restart policy, at once if it runs.

        Raises `InvalidSetting` where they do not fit, `RuntimeFailed` where the kernel refuses
        them; then everything is as before.
        """
        with self._held(ref) as record:
            return self._alterer.update(record, update)

    def lease(self, ref: str, until: datetime | None) -> ContainerRecord:
        """Have the container wanted *until* then, or for ever; see `engine.settings.lease`."""
        with self._held(ref) as record:
            return self._alterer.lease(record, until)

    def remove(
        self,
        ref: str,
        *,
        if_running: IfRunning = IfRunning.REFUSE,
        with_volumes: bool = False,
    ) -> int:
        """
        Remove the container with its writable layer and its log; return the freed bytes.

        *with_volumes*, those of its volumes go too that nobody named and nobody else has. Raises
        `ContainerRunning` for one that runs, unless told to kill it.
        """
        record = self.get(ref)
        if if_running is IfRunning.KILL:
            # Or whoever keeps the containers starts it again between its end and its removal.
            self._stopper.forbid_restart(record)
        if record.is_running and if_running is IfRunning.KILL:
            self._thawed(record)
            self._stopper.kill(record, keeps=True)
        elif record.state is ContainerState.RESTARTING and if_running is IfRunning.REFUSE:
            raise ContainerRunning(record.name, state=record.state)
        try:
            with self._held(record.id) as current:
                return self._remover.remove(current, with_volumes=with_volumes)
        except ContainerNotFound:
            # It was to be removed at its exit, and somebody has.
            return 0

    def remove_each(
        self, container_ids: Sequence[str], objection: Callable[[ContainerRecord], str]
    ) -> Removed:
        """Remove containers, few waits for many; see `Remover.remove_each`. IDs are whole."""
        return self._remover.remove_each(container_ids, objection)

    def drop_log(
        self, container_id: str, *, objection: Callable[[ContainerRecord], str] = lambda _: ""
    ) -> int | str:
        """
        Throw away what a container printed that does not run; return the bytes that came free.

        Where *objection*, which is asked with the container held still, has any, its words are
        returned. Raises `ContainerNotFound` or `ContainerRunning`.
        """
        with self._held(container_id) as record:
            refusal = objection(record)
            if refusal:
                return refusal
            if record.is_running:
                raise ContainerRunning(record.name, state=record.state)
            freed = drop_log(self._means.bundles.locate(record.id))
            self._means.store.touch(record.id)
            return freed

    def prune(self, *, filters: PruneFilter = EVERYTHING) -> Pruned:
        """Remove the containers that do not run and that *filters* match; say what went."""
        self._stopper.settle_waiting()
        found = self._means.store.list_in(*AT_REST)
        return self._remover.prune(
            [each.id for each in found if filters.matches(each.labels, each.created_at)]
        )

    def warnings(self, settings: ContainerSettings) -> tuple[str, ...]:
        """Return what docker says at creation of what this host cannot do of *settings*."""
        return warnings(self._means.host, settings)

    # --- Terminals ----------------------------------------------------------------------------

    def attach(
        self, ref: str, *, stdin: bool = False, stdout: bool = True, stderr: bool = True
    ) -> Attachment:
        """
        Return a conversation with the container's first process.

        One that does not run may be attached to before it is started, by anybody: not a byte of
        what it prints is missed then, and removing it ends the attachment. Of one that runs, what
        it prints from now on comes. Raises `ContainerPaused` or `WrongState`.
        """
        with self._held(ref) as record:
            return self._attacher.attach(record, Wanted(stdin, stdout, stderr))

    def resize(self, ref: str, *, rows: int, columns: int) -> None:
        """Give the container's terminal a size; raise `ContainerNotRunning`."""
        record = self.get(ref)
        if not record.is_running:
            raise ContainerNotRunning(record.name, state=record.state)
        bundle = self._means.bundles.locate(record.id)
        self._means.monitor.resize(bundle, rows=rows, columns=columns)

    def exec_create(self, ref: str, settings: ExecSettings) -> ExecRecord:
        """
        Note a command that is to be run in the container and return its record.

        It is forgotten when the container ends. Raises `ContainerNotRunning` or `ContainerPaused`.
        """
        with self._held(ref) as record:
            return self._executor.create(record, settings)

    def exec_start(self, exec_id: str, *, detach: bool = False) -> Attachment | None:
        """
        Run the command and return a conversation with it; None with *detach*.

        Raises `CommandNotFound`, `ExecNotFound`, `ExecStarted` or what `exec_create` raises.
        """
        record = self.get(self._executor.container_of(exec_id))
        attachment = self._executor.start(record, exec_id)
        if detach:
            attachment.close()
            return None
        return attachment

    def exec_end(self, exec_id: str, *, grace: float = 0.0) -> None:
        """
        End the command unless it ends in *grace* seconds, and what it left in its session.

        Of one that has ended or is forgotten nothing is asked.
        """
        self._executor.end(exec_id, grace=grace)

    def exec_get(self, exec_id: str) -> ExecRecord:
        """Return what is known of the exec; raise `ExecNotFound`."""
        return self._executor.get(exec_id)

    def exec_list(self, ref: str) -> list[ExecRecord]:
        """Return the commands that were run in the container since its start, the oldest first."""
        record = self._means.store.get(ref)
        return self._executor.list_of(self._means.bundles.locate(record.id))

    def exec_resize(self, exec_id: str, *, rows: int, columns: int) -> None:
        """Give the terminal of an exec a size; raise `ExecNotFound`."""
        self._executor.resize(exec_id, rows=rows, columns=columns)

    # --- Output -------------------------------------------------------------------------------

    def read_logs(
        self,
        ref: str,
        cursor: LogCursor = START,
        *,
        limit_lines: int = LINES,
        limit_bytes: int = BYTES,
    ) -> LogPage:
        """
        Return a page of what the container printed, from *cursor* on.

        While it runs, a line without an end is waited for a moment; ask again even if nothing
        changes.
        """
        return self._log_reader.page(ref, cursor, lines=limit_lines, limit_bytes=limit_bytes)

    def tail_logs(self, ref: str, lines: int) -> LogCursor:
        """Return the place from which the last *lines* lines follow."""
        return self._log_reader.tail(ref, lines)

    def skip_logs(self, ref: str, cursor: LogCursor, *, keep_bytes: int) -> tuple[LogCursor, int]:
        """Return a place at most *keep_bytes* before the end, and how many lines it leaves out."""
        return self._log_reader.skip(ref, cursor, keep_bytes=keep_bytes)

    def logs(
        self,
        ref: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        follow: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[LogLine]:
        """
        Yield what the container printed: all, or the last *tail* lines; from *since* to *until*.

        With *follow*, go on until it has ended or *is_stopped*, which is asked every second. Raises
        `LogUnreadable` for a container whose output is not kept.
        """
        return self._log_reader.lines(
            self.get(ref),
            LogQuery(tail, since, until, stdout=stdout, stderr=stderr, follow=follow),
            is_stopped,
        )

    def departed(self) -> Sequence[Departed]:
        """Return the containers that were removed lately and whose logs are still kept."""
        return self._means.departures.list()

    def departed_logs(self, text: str, *, tail: int | None = None) -> Iterator[LogLine]:
        """Yield what a container that was removed had printed; raise `ContainerNotFound`."""
        return self._log_reader.departed_lines(text, tail=tail)

    def find_departed(self, container_id: str) -> Departed | None:
        """Return the removed container of that whole ID whose log is still kept, or None."""
        found = self._means.departures.find(container_id)
        return found[0] if found else None

    @property
    def departed_limits(self) -> DepartedLimits:
        """How long the logs of removed containers are kept, and how much of them."""
        return self._means.departures.limits

    def keep_departed(self, limits: DepartedLimits) -> None:
        """Have *limits* hold for the logs of removed containers, and forget what is over."""
        self._means.departures.keep_within(limits)

    def output(self, container_id: str) -> Output:
        """
        Return what the container of that whole ID prints or printed, also in the trash or removed.

        Raises `ContainerNotFound` where nothing of it is kept, `LogUnreadable` where nothing is to.
        """
        return self._log_reader.output(container_id)

    def tend_logs(self) -> None:
        """Rotate the logs of running containers that have grown large; cheap when none has."""
        tend_logs(self._means)

    def log_directory(self, ref: str) -> Path:
        """Return the directory to watch for changes of the container's log."""
        return self._means.bundles.locate(self._means.store.get(ref).id).directory

    # --- Files --------------------------------------------------------------------------------

    def stat_path(self, ref: str, path: str) -> PathStat:
        """Return what is at *path* in the container; raise `PathNotFound` or `NotADirectory`."""
        return self._archiver.stat(self.get(ref), path)

    def read_archive(self, ref: str, path: str) -> tuple[PathStat, Iterator[bytes]]:
        """
        Return what is at *path*, and the pieces of its tar.

        The entries begin with the last name of *path*. Take the pieces to the end, or close the
        iterator: until then a container that does not run cannot be started.
        """
        pieces = self._archiver.read(self.get(ref), path)
        status = next(pieces)
        return cast("PathStat", status), cast("Iterator[bytes]", pieces)

    def write_archive(
        self,
        ref: str,
        path: str,
        stream: BinaryIO,
        *,
        allow_overwrite_dir_with_file: bool = True,
        copy_uid_gid: bool = False,
    ) -> None:
        """
        Write a tar, compressed or not, below the directory *path* of the container.

        Files belong to whom the tar says, or with *copy_uid_gid* to the container's user. Raises
        `PathNotFound`, `NotADirectory`, `ReadOnlyPath`, `CannotOverwrite` or `InvalidSetting`; what
        was written until then stays.
        """
        self._archiver.write(
            self.get(ref),
            path,
            stream,
            keeps_kinds=not allow_overwrite_dir_with_file,
            owns=copy_uid_gid,
        )

    def export(self, ref: str) -> Iterator[bytes]:
        """
        Return the pieces of a tar of the container's whole file system, without its volumes.

        Take them to the end, or close the iterator.
        """
        pieces = self._archiver.export(self.get(ref))
        next(pieces)
        return pieces

    def commit(
        self,
        ref: str,
        *,
        reference: Reference | None = None,
        author: str = "",
        message: str = "",
        changes: Sequence[str] = (),
        pause: bool = True,
        owner: str = "",
    ) -> ImageRecord:
        """
        Make an image of the container's image and of what it changed, and let *reference* name it.

        Volumes are no part of it. *changes* are Dockerfile instructions. A container that runs is
        frozen meanwhile, unless *pause* is false. Raises `InvalidSetting` or `Unsupported`.
        """
        return self._committer.commit(
            self.get(ref),
            reference=reference,
            author=author,
            message=message,
            changes=changes,
            pause=pause,
            owner=owner,
        )

    def reset(self, ref: str, *, timeout: float | None = None) -> ContainerRecord:
        """
        Drop what the container changed, so that it is as its image made it; return its record.

        One that runs is stopped before, as `stop` does it, and started afterwards. Its volumes and
        its log stay.
        """
        record = self.get(ref)
        was_running = record.is_running
        if was_running:
            self._stopped(record, timeout, None, keeps=True)
        with self._held(record.id) as current:
            self._resetter.reset(current)
            return self._started(current) if was_running else current

    def revert(self, ref: str, paths: Sequence[str]) -> None:
        """
        Let each of *paths* be again what the image has there; directories with all in them.

        Raises `ContainerRunning`, or `InvalidSetting` for a path whose directory was replaced.
        """
        with self._held(ref) as record:
            self._resetter.revert(record, paths)

    def sandbox_run(
        self,
        settings: ContainerSettings,
        *,
        directory: str,
        target: str = DEFAULT_TARGET,
        owner: str = "",
    ) -> Sandbox:
        """
        Run a container over a copy-on-write view of a *directory* of the host, at *target* in it.

        The directory stays as it is. Wait for the container, look at `sandbox_changes`, and
        `sandbox_apply` them or not: they go with the container. Raises what `create` and `start`
        raise, or `InvalidSetting` for the directory.
        """
        sandbox, record = self._sandboxer.create(
            settings, directory=directory, target=target, owner=owner
        )
        try:
            self.start(record.id)
        except EngineError:
            self.remove(record.id, if_running=IfRunning.KILL)
            raise
        return sandbox

    def sandbox_changes(self, sandbox_id: str) -> Iterator[Change]:
        """Yield what was changed in the sandbox, with bytes; raise `SandboxNotFound`."""
        return self._sandboxer.changes(sandbox_id)

    def sandbox_apply(
        self, sandbox_id: str, *, paths: Sequence[str] | None = None
    ) -> Sequence[Change]:
        """
        Bring what was changed, or what is at and below *paths*, to the directory itself.

        File by file, each whole. Raises `ContainerRunning`, or `SandboxConflict` where something
        there changed since the start: then nothing is done.
        """
        return self._sandboxer.apply(sandbox_id, paths)

    def sandbox_list(self) -> Sequence[Sandbox]:
        """Return every sandbox that there is."""
        return tuple(self._means.sandboxes.iter_all())

    # --- Numbers ------------------------------------------------------------------------------

    def stats(self, ref: str) -> StatsSample:
        """Return what the container uses now, in detail; raise `ContainerNotRunning`."""
        record = self.get(ref)
        sample = self._sampler.sample_closely(record) if record.is_running else None
        if sample is None:
            raise ContainerNotRunning(record.name, state=record.state)
        return sample

    def top(self, ref: str, ps_args: str = "") -> Top:
        """
        Return the processes of the container as ps(1) with *ps_args* (default -ef) shows them.

        Raises `ContainerNotRunning`, or `InvalidSetting` for arguments that show no PID.
        """
        record = self.get(ref)
        if not record.is_running:
            raise ContainerNotRunning(record.name, state=record.state)
        bundle = self._means.bundles.locate(record.id)
        return list_processes(self._means.cgroups.members(bundle.cgroup), ps_args)

    def size(self, ref: str) -> int:
        """Return the bytes of the container's writable layer on the disk, measured now."""
        return writable_bytes(self._means.snapshotter, self._means.store.get(ref).id)

    def log_bytes(self, container_id: str) -> int:
        """Return what the log of the container of that whole ID takes on the disk."""
        return log_bytes(self._means.bundles.locate(container_id))

    def iter_changes(self, ref: str) -> Iterator[Change]:
        """Yield what the container added, changed and deleted against its image."""
        record = self._means.store.get(ref)
        return iter_container_changes(self._means, record)

    def mounts(self, ref: str) -> list[MountPoint]:
        """Return what the container has mounted, volumes by their names; no file in memory."""
        return self._mounting.mounts_of(self._means.store.get(ref).id)

    def list_mounts(self) -> dict[str, list[MountPoint]]:
        """Return what `mounts` does for every container that has any, by its ID."""
        return self._mounting.list_mounts()

    def what_would_be_lost(self, ref: str) -> Loss:
        """Return what removing the container would destroy for good."""
        return loss_of(self._means, self._means.store.get(ref))

    def oneshots(self) -> OneShots:
        """Return what runs programs once, with no container left of them."""
        return OneShots(self._means)

    # --- Keeping true -------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether there is no exit that `settle` would take into account."""
        return not self._means.exits.list_ids()

    def settle(self) -> None:
        """Take every exit into account that was not yet; cheap when there is none."""
        self._stopper.settle_waiting()

    def keep(self, is_stopped: Callable[[], bool]) -> None:
        """
        Settle exits, restart what policies want and ask for health, until *is_stopped*.

        Of all processes that do this for an engine root one works and the others wait; whether to
        stop is asked every second.
        """
        self.keeper().run(is_stopped)

    def keeper(self) -> Keeper:
        """Return a new keeper of these containers."""
        return Keeper(
            self._means,
            stopper=self._stopper,
            starter=self._starter,
            prober=Prober(self._means, self._executor),
            reconcile=self.reconcile,
            place=self._means.exits.directory.parent,
        )

    def reconcile(self) -> Reconciled:
        """Make records and host agree again, after whatever happened; say what was to do."""
        return Reconciler(
            self._means,
            creator=self._creator,
            starter=self._starter,
            settler=self._settler,
            remover=self._remover,
            pauser=self._pauser,
        ).reconcile()

    @contextmanager
    def standing(self, ref: str) -> Iterator[tuple[Member, int]]:
        """
        Hold the container *ref* still and yield it as networks know it, with its pid or 0.

        What changes meanwhile about its networks is in its /etc afterwards. Raises
        `ContainerNotFound`, or `InvalidSetting` for one that has no network of its own.
        """
        with self._held(ref) as record:
            check_connectable(record.settings)
            yield member_of(record), record.pid
            if record.is_running:
                self._connector.write_files(record)

    @contextmanager
    def _held(self, ref: str) -> Iterator[ContainerRecord]:
        """Hold the container's lock and yield its record, settled."""
        record = self._means.store.get(ref)
        with self._means.locks.held(lock_name(record.id)):
            yield self._settler.settle(self._means.store.get_by_id(record.id))

    def _stopped(
        self, record: ContainerRecord, timeout: float | None, number: int | None, *, keeps: bool
    ) -> ContainerRecord:
        since = self._means.events.last_sequence()
        self._stopper.signal(record, number or self._stop_signal(record))
        self._thawed(record)
        grace = _grace(record.settings, timeout)
        ended = self._stopper.await_end(record, grace, since=since, keeps=keeps)
        ended = ended or self._stopper.kill(record, keeps=keeps)
        tell(self._means.events, "stop", ended)
        return ended

    def _stop_signal(self, record: ContainerRecord) -> int:
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        return stop_signal(defaults, record.settings)

    def _thawed(self, record: ContainerRecord) -> None:
        """Have a paused container go on, so that it notices the signal that is to end it."""
        if record.state is ContainerState.PAUSED:
            with self._held(record.id) as current:
                if current.state is ContainerState.PAUSED:
                    self._pauser.unpause(current)

    def _started(self, record: ContainerRecord) -> ContainerRecord:
        if record.is_running:
            return record
        try:
            return self._starter.start(record)
        except EngineError:
            if record.settings.auto_remove:
                self._remover.remove(self._means.store.get_by_id(record.id))
            raise

    def _is_running(self, container_id: str) -> bool:
        record = self._stopper.settled(container_id)
        return record is not None and record.is_running

    def list_stats(self) -> list[StatsSample]:
        """Return what every running container uses now."""
        return self._sampler.sample_all(self._means.store.list_running())

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[ContainerRecord]:
        """Return every container, the newest first."""
        self._stopper.settle_waiting()
        return self._means.store.list_all()


def _grace(settings: ContainerSettings, timeout: float | None) -> float | None:
    """Return the seconds to wait for an end, None for any number of them."""
    if timeout is None:
        timeout = STOP_SECONDS if settings.stop_timeout is None else settings.stop_timeout
    return None if timeout < 0 else timeout


def open_containers(
    *,
    paths: EnginePaths,
    database: Database,
    events: EventLog,
    locks: Locks,
    snapshotter: Snapshotter,
    images: ImageSource,
    deriver: ImageDeriver,
    networks: NetworkMeans,
    volumes: Volumes,
    clock: Clock,
) -> Containers:
    """Return the containers of an engine on this host; what they need is looked for when used."""
    return Containers(
        linux_means(
            paths,
            database=database,
            events=events,
            clock=clock,
            locks=locks,
            images=images,
            deriver=deriver,
            snapshotter=snapshotter,
            mounter=LinuxMounter(),
            networks=networks,
            volumes=volumes,
        )
    )
