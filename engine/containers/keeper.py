"""
Somebody who is awake: settles exits, starts again what policies want, asks how containers do.

Every process that lives long (`engine serve`, the agent) offers itself; the kernel's lock in the
run directory lets exactly one of them work, and the next one when that one dies. What is to be done
stands in the records: the keeper remembers nothing that would be lost with it.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.exec_ends import ExecEnds
from engine.containers.health import effective_check, next_probe
from engine.containers.policy import FIRST, LONGEST, starts_with_the_host
from engine.containers.state import Change, ContainerState, after
from engine.containers.tending import tend_logs
from engine.errors import ContainerNotRunning, EngineError
from engine.system.processes import boot_id
from engine.system.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor as Pool
    from datetime import datetime
    from pathlib import Path

    from engine.containers.ports import Means
    from engine.containers.probe import Prober
    from engine.containers.record import ContainerRecord
    from engine.containers.start import Starter
    from engine.containers.stop import Stopper
    from engine.oci.healthcheck import Healthcheck

log = logging.getLogger(__name__)

LOCK = "keeper"
AT_ONCE = 8
# How often is asked whether to stop, and whether the one who works is still there.
LOOK = timedelta(seconds=1)
# How often it is looked for monitors that vanished without a word.
UNWATCHED = timedelta(seconds=10)


class Keeper:
    """Keeps the containers of one engine as their settings want them."""

    def __init__(
        self,
        means: Means,
        *,
        stopper: Stopper,
        starter: Starter,
        prober: Prober,
        reconcile: Callable[[], object],
        place: Path,
    ) -> None:
        self._means = means
        self._exec_ends = ExecEnds(means)
        self._stopper = stopper
        self._starter = starter
        self._prober = prober
        self._reconcile = reconcile
        self._boot_note = place / "keeper.boot"
        self._busy: set[str] = set()
        self._ended: set[str] = set()
        self._checks: dict[str, Healthcheck | None] = {}
        self._looked_at = means.clock.now()
        self._is_stopped: Callable[[], bool] = lambda: False

    def run(self, is_stopped: Callable[[], bool]) -> None:
        """Work until *is_stopped*; while another process does, wait for its end."""
        self._is_stopped = is_stopped
        with Watch(self._means.exits.directory, self._means.events.signal) as watch:
            while not is_stopped():
                with self._means.locks.tried(LOCK) as is_ours:
                    if is_ours:
                        self._work_on(watch, is_stopped)
                if not is_stopped():
                    watch.wait(LOOK.total_seconds())

    def _work_on(self, watch: Watch, is_stopped: Callable[[], bool]) -> None:
        try:
            self._work(watch, is_stopped)
        except EngineError as error:
            # A full disk, say. Whoever gets the lock next begins anew, perhaps this very process.
            log.warning("keeping containers failed: %s", error.message)

    def _work(self, watch: Watch, is_stopped: Callable[[], bool]) -> None:
        self._reconcile()
        self.begin_boot()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="keeper") as pool:
            while not is_stopped():
                wait = self.round(pool)
                watch.wait(max(wait.total_seconds(), 0.001))

    def begin_boot(self) -> None:
        """
        Once after each start of the machine, have those started that start with it.

        They are recorded as about to be restarted first, so that whoever keeps next finishes it.
        """
        try:
            if self._boot_note.read_text() == boot_id():
                return
        except FileNotFoundError:
            pass
        for record in self._means.store.list_in(ContainerState.EXITED):
            if starts_with_the_host(record):
                with self._means.locks.held(lock_name(record.id)):
                    self._mark_due(record.id)
        self._boot_note.write_text(boot_id())

    def round(self, pool: Pool) -> timedelta:
        """Begin in *pool* whatever is due now; return how long there is nothing else to do."""
        now = self._means.clock.now()
        self._stopper.settle_waiting()
        self._look_for_unwatched(now)
        tend_logs(self._means)
        self._exec_ends.look()
        dues = [now + LOOK, *self._restarts(pool, now), *self._probes(pool, now)]
        return min(dues) - self._means.clock.now()

    # --- Restarts -------------------------------------------------------------------------------

    def _mark_due(self, container_id: str) -> None:
        record = self._means.store.find_by_id(container_id)
        if record is None or record.state is not ContainerState.EXITED:
            return
        state = after(Change.RETRY, record.state, name=record.name)
        self._means.store.save(replace(record, state=state, restart_at=self._means.clock.now()))

    def _restarts(self, pool: Pool, now: datetime) -> Iterator[datetime]:
        for record in self._means.store.list_in(ContainerState.RESTARTING):
            if record.restart_at is not None and record.restart_at > now:
                yield record.restart_at
            else:
                self._submit(pool, record, self._restart)

    def _restart(self, record: ContainerRecord) -> None:
        with self._means.locks.held(lock_name(record.id)):
            current = self._means.store.find_by_id(record.id)
            if current is None or current.state is not ContainerState.RESTARTING:
                return
            if current.was_stopped and current.settings.restart.name != "always":
                self._stopper.give_up(current)
                return
            self._start(current)

    def _start(self, record: ContainerRecord) -> None:
        try:
            self._starter.start(record, by_policy=True)
        except ContainerNotRunning:
            # It joins another one, which may be about to be started too.
            wait = min(2 * record.backoff, LONGEST) or FIRST
            at = self._means.clock.now() + wait
            self._means.store.save(replace(record, restart_at=at, backoff=wait))

    # --- Health ---------------------------------------------------------------------------------

    def _probes(self, pool: Pool, now: datetime) -> Iterator[datetime]:
        running = self._means.store.list_in(ContainerState.RUNNING)
        self._checks = {each.id: self._check_of(each) for each in running}
        for record in running:
            check = self._checks[record.id]
            if check is None or record.health is None or record.started_at is None:
                continue
            due = next_probe(record.health, check, started_at=record.started_at)
            if due > now:
                yield due
            else:
                self._submit(pool, record, self._probe)

    def _probe(self, record: ContainerRecord) -> None:
        check = self._check_of(record)
        if check is None:
            return
        probe = self._prober.ask(record, check, self._is_stopped)
        if probe is None:
            return
        with self._means.locks.held(lock_name(record.id)):
            self._prober.note(record, check, probe)

    def _check_of(self, record: ContainerRecord) -> Healthcheck | None:
        if record.health is None:
            return None
        known = self._checks.get(record.id)
        if known is not None:
            return known
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        return effective_check(defaults.healthcheck, record.settings.healthcheck)

    # --- Both -----------------------------------------------------------------------------------

    def _submit(
        self, pool: Pool, record: ContainerRecord, act: Callable[[ContainerRecord], None]
    ) -> None:
        if record.id not in self._busy:
            self._busy.add(record.id)
            pool.submit(self._done, record, act)

    def _done(self, record: ContainerRecord, act: Callable[[ContainerRecord], None]) -> None:
        with self._busy_with(record.id):
            try:
                act(record)
            except EngineError as error:
                log.warning("keeping a container failed: %s", error.message)

    @contextmanager
    def _busy_with(self, container_id: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._busy.discard(container_id)
            # The next round is to see what came of it.
            self._means.events.wake()

    def _look_for_unwatched(self, now: datetime) -> None:
        if now - self._looked_at < UNWATCHED:
            return
        self._looked_at = now
        ended_before, self._ended = self._ended, set()
        for record in self._means.store.list_running():
            bundle = self._means.bundles.locate(record.id)
            if not self._means.monitor.is_watching(bundle):
                self._stopper.lose_unwatched(record.id, keeps=False)
            elif self._means.runtime.has_ended(bundle):
                # Somebody attached does not read, and the monitor waits for them.
                if record.id in ended_before:
                    self._means.monitor.hang_up(bundle)
                self._ended.add(record.id)
