"""
From a container at rest to a running one.

The order makes every interruption harmless: the run directory says that something was begun; the
process exists but is held; the record says that it runs; the process is let go. Whoever finds a
held process under a record that says running lets it go; whoever finds a run directory under any
other record clears it away.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.cgroup_parents import note_parents
from engine.containers.endpoints import Connector
from engine.containers.finding import Finder
from engine.containers.health import Health, effective_check
from engine.containers.hostname import hostname_of
from engine.containers.log_rotation import LogLimits, RotatedLog
from engine.containers.monitor import Launch
from engine.containers.mounting import Mounting
from engine.containers.places import leave_mark, link_mtab, refuse_links
from engine.containers.policy import NO_WAIT
from engine.containers.process import resolve_process
from engine.containers.propagation import check_propagation
from engine.containers.spec import SpecInputs, runtime_spec
from engine.containers.state import Change, ContainerState, after
from engine.containers.telling import tell, tell_mounted
from engine.containers.users import read_accounts, resolve_user, with_groups
from engine.containers.writable import run_mounts
from engine.errors import CommandNotFound, EngineError, RuntimeFailed
from engine.settings.lifetime import NO_LOG

if TYPE_CHECKING:
    from typing import Any

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

# What docker answers when a container could not be started for any other reason than its command.
NOT_STARTED = 128


class Starter:
    """Starts containers; to be called with the container's lock held."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler
        self._connector = Connector(means)
        self._finder = Finder(means)
        self._mounting = Mounting(means)

    def start(self, record: ContainerRecord, *, by_policy: bool = False) -> ContainerRecord:
        """
        Start a container that does not run and return its record.

        Unless its policy does it, it begins anew: no restarts are counted, and that it was once
        stopped is forgotten. Raises `CommandNotFound`, `RuntimeFailed` or what the host refuses;
        then the record tells why, and nothing of the attempt is left.
        """
        after(Change.START, record.state, name=record.name)
        bundle = self._means.bundles.locate(record.id)
        # An attempt that was killed may have left something.
        self._settler.clear(bundle)
        try:
            pid = self.launch(record, bundle)
        except EngineError as error:
            self._settler.clear(bundle)
            self._note_failure(record, error)
            raise
        running = self._record_running(record, pid, by_policy=by_policy)
        self.let_go(running)
        return running

    def let_go(self, record: ContainerRecord) -> None:
        """Let the held process of a container that is recorded as running go on."""
        bundle = self._means.bundles.locate(record.id)
        try:
            self._means.waiting.hand_over(bundle, self._means.monitor.connect)
            self._means.runtime.start(bundle)
        except RuntimeFailed as error:
            self._settler.lose(record, code=NOT_STARTED, error=error.message, may_restart=False)
            raise

    def launch(self, record: ContainerRecord, bundle: Bundle, *, makes_image: bool = False) -> int:
        """
        Mount and connect what the container needs, and return the pid of its held process.

        Where it *makes_image*, no link is made in it: whatever is there would be the image's.
        """
        means = self._means
        # The runtime has the process moved, by the time that all else is done.
        means.cgroups.expect_move()
        means.bundles.make(bundle)
        means.bundles.make_run(bundle)
        if record.settings.cgroup_parent:
            means.bundles.note_parent(bundle, record.settings.cgroup_parent)
            note_parents(means, bundle)
        check_propagation(record.settings.mounts)
        means.mounter.mount(run_mounts(means, record), bundle.rootfs)
        refuse_links(bundle.rootfs)
        leave_mark(bundle.rootfs)
        if not makes_image:
            link_mtab(bundle.rootfs)
        self._mounting.fill_from(bundle)
        with ExitStack() as ports:
            held = self._connector.activate(record, ports)
            self._connector.write_files(record)
            means.bundles.write_spec(bundle, self._spec(record, bundle))
            pid = means.monitor.launch(self._written_launch(record, bundle, held))
        self._mounting.let_go(record.id)
        self._connector.attach(record, pid)
        return pid

    def _written_launch(
        self, record: ContainerRecord, bundle: Bundle, held: tuple[int, ...]
    ) -> Launch:
        settings = record.settings
        limits = LogLimits.of(settings.log)
        # From now on no file of the log is lost, even if nobody looks for long.
        RotatedLog(bundle.log, limits).tend()
        return Launch(
            bundle,
            record.name,
            tty=settings.tty,
            open_stdin=settings.open_stdin,
            keeps_stdin=settings.tty or not settings.stdin_once,
            log_bytes=limits.unwatched_bytes if settings.log.driver != NO_LOG else 0,
            held=held,
        )

    def _spec(self, record: ContainerRecord, bundle: Bundle) -> dict[str, Any]:
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        hostname = hostname_of(record, self._means.store)
        process = resolve_process(defaults, record.settings, hostname=hostname)
        accounts = read_accounts(bundle.rootfs)
        identity = resolve_user(process.user, accounts)
        inputs = SpecInputs(
            bundle=bundle,
            settings=record.settings,
            process=process,
            identity=with_groups(identity, record.settings.group_add, accounts),
            hostname=hostname,
            host=self._means.host,
            surroundings=replace(
                self._finder.find(record, bundle), mounts=self._mounting.entries(record.id)
            ),
        )
        return runtime_spec(inputs)

    def _record_running(
        self, record: ContainerRecord, pid: int, *, by_policy: bool
    ) -> ContainerRecord:
        running = replace(
            record,
            state=after(Change.START, record.state, name=record.name),
            pid=pid,
            exit_code=None,
            oom_killed=False,
            error="",
            started_at=self._means.clock.now(),
            finished_at=None,
            restart_at=None,
            restart_count=record.restart_count if by_policy else 0,
            backoff=record.backoff if by_policy else NO_WAIT,
            was_stopped=False,
            health=self._first_health(record),
        )
        with self._means.database.write():
            self._means.store.save(running)
            if record.was_stopped:
                self._means.store.mark_stopped(record.id, is_stopped=False)
            self._means.images.mark_used(record.image_id)
            tell_mounted(self._means.events, running, self._mounting.mounts_of(running.id))
            tell(self._means.events, "start", running)
        return running

    def _first_health(self, record: ContainerRecord) -> Health | None:
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        has_check = effective_check(defaults.healthcheck, record.settings.healthcheck) is not None
        return Health() if has_check else None

    def _note_failure(self, record: ContainerRecord, error: EngineError) -> None:
        code = error.exit_code if isinstance(error, CommandNotFound) else NOT_STARTED
        state = record.state
        if state is ContainerState.RESTARTING:
            state = after(Change.GIVE_UP, state, name=record.name)
        failed = replace(record, state=state, exit_code=code, error=error.message, restart_at=None)
        self._means.store.save(failed)
