"""
The end of a run: taking the exit status, and clearing away what the run needed.

Every function here is to be called with the container's lock held. `clear` may be repeated at any
time while the container does not run; it finishes what a killed process had begun.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.cgroup_parents import remove_parents
from engine.containers.endpoints import Connector
from engine.containers.exec_ends import ExecEnds
from engine.containers.exec_record import list_places
from engine.containers.health import HealthStatus
from engine.containers.mounting import Mounting
from engine.containers.policy import Restart, restart_after
from engine.containers.state import Change, after
from engine.containers.telling import tell, tell_unmounted
from engine.errors import MountFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord

KILLED = 128 + signal.SIGKILL
REAP_SECONDS = 5.0
# What an exec printed last is still to be passed on.
EXEC_SECONDS = 1.0
UNWATCHED = "its monitor was killed, and its processes were ended with it"


class Settler:
    """Settles exits."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._connector = Connector(means)
        self._mounting = Mounting(means)
        self._exec_ends = ExecEnds(means)

    def settle(self, record: ContainerRecord) -> ContainerRecord:
        """
        Return the record as it is, its exit taken into account if there is one to take.

        A container that was to be removed at its exit is not removed here.
        """
        ended = self._means.exits.find(record.id) if record.state.has_process else None
        if ended is None:
            return record
        bundle = self._means.bundles.locate(record.id)
        settled = self._end(
            record,
            Change.EXIT,
            code=ended.code,
            finished_at=ended.finished_at,
            oom_killed=self._was_oom_killed(bundle),
        )
        self.clear(bundle)
        return settled

    def lose(
        self, record: ContainerRecord, *, code: int, error: str, may_restart: bool = True
    ) -> ContainerRecord:
        """
        Record that the container's processes ended with nobody there to see how; say *error*.

        Its policy has it started again if it *may_restart*.
        """
        lost = self._end(
            record,
            Change.LOSE,
            code=code,
            finished_at=self._means.clock.now(),
            oom_killed=False,
            error=error,
            may_restart=may_restart,
        )
        self.clear(self._means.bundles.locate(record.id))
        return lost

    def clear(self, bundle: Bundle) -> None:
        """
        Leave no monitor, process, control group, mount, address or run directory of it.

        Where a parent takes its time to reap a process, the run directory stays, and with it the
        task for whoever clears next.
        """
        means = self._means
        if not means.bundles.has_run(bundle):
            # After a reboot it is gone, and what the container had of networks is a record only.
            self._connector.release(bundle.id)
            self._mounting.release(bundle.id)
            return
        # What is frozen takes no signal, not even the last one.
        means.cgroups.thaw(bundle.cgroup)
        is_over = self._end_monitor(bundle)
        is_empty = means.cgroups.destroy(bundle.cgroup)
        remove_parents(means, bundle)
        execs = list_places(bundle)
        is_over = means.exec_monitor.abort(execs, grace=EXEC_SECONDS) and is_over
        self._exec_ends.tell_all(execs, otherwise=KILLED)
        means.runtime.delete(bundle)
        self.unmount(bundle)
        means.exits.discard(bundle.id)
        self._connector.release(bundle.id)
        self._mounting.release(bundle.id)
        if is_over and is_empty:
            means.bundles.remove_run(bundle)

    def clear_each(self, container_ids: Sequence[str]) -> None:
        """As `clear`, of several; most have nothing left, and all are asked about at once."""
        bundles = self._means.bundles
        left = bundles.running_ids()
        left |= self._connector.unreleased(container_ids)
        left |= self._mounting.unreleased(container_ids)
        for container_id in container_ids:
            if container_id in left:
                self.clear(bundles.locate(container_id))

    def _end_monitor(self, bundle: Bundle) -> bool:
        # The monitor is the one who reaps, so while it knows its container it is to go last.
        if self._means.runtime.is_of_this_boot(bundle):
            self._means.runtime.delete(bundle)
            self._means.monitor.wait(bundle, timeout=REAP_SECONDS)
        return self._means.monitor.abort(bundle)

    def unmount(self, bundle: Bundle) -> None:
        """Unmount the container's file system, and the memory it shares, if they are mounted."""
        for target in (bundle.rootfs, bundle.shm):
            try:
                self._means.mounter.unmount(target)
            except MountFailed:
                # Somebody looks into it. They keep what they hold, but the name is free.
                self._means.mounter.unmount(target, lazily=True)

    def _was_oom_killed(self, bundle: Bundle) -> bool:
        return bundle.oom_file.exists() or self._means.cgroups.oom_kills(bundle.cgroup) > 0

    def _end(
        self,
        record: ContainerRecord,
        change: Change,
        *,
        code: int,
        finished_at: datetime,
        oom_killed: bool,
        error: str = "",
        may_restart: bool = True,
    ) -> ContainerRecord:
        finished_at = max(finished_at, record.started_at or finished_at)
        restart = restart_after(record, code, finished_at) if may_restart else None
        ended = replace(
            _at_rest(record, change, restart),
            exit_code=code,
            oom_killed=oom_killed,
            error=error,
            finished_at=finished_at,
        )
        # One that goes at its exit would be found lost after a power cut, and removed.
        with self._means.database.write(survives_power_cut=not record.settings.auto_remove):
            self._means.store.save(ended)
            if oom_killed:
                tell(self._means.events, "oom", ended)
            tell(self._means.events, "die", ended, exitCode=str(code))
            tell_unmounted(self._means.events, ended, self._mounting.mounts_of(ended.id))
        return ended


def _at_rest(record: ContainerRecord, change: Change, restart: Restart | None) -> ContainerRecord:
    """Return *record* without a process, after *change* or waiting for its *restart*."""
    return replace(
        record,
        state=after(Change.RETRY if restart else change, record.state, name=record.name),
        pid=0,
        restart_count=record.restart_count + bool(restart),
        restart_at=restart.at if restart else None,
        backoff=restart.backoff if restart else record.backoff,
        # Nobody can ask any more.
        health=record.health and replace(record.health, status=HealthStatus.UNHEALTHY),
    )
