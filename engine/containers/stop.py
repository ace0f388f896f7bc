"""
Ending what runs: asking, waiting, insisting.

Signals need no lock, because they reach one very process or none; so a container that is being
stopped can be killed meanwhile. Waiting is for the end of the monitor: it leaves the exit file, and
where it was killed itself nobody else will.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.settle import KILLED, UNWATCHED
from engine.containers.state import Change, ContainerState, after
from engine.containers.telling import tell
from engine.errors import ContainerNotFound, SystemFailure

if TYPE_CHECKING:
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.remove import Remover
    from engine.containers.settle import Settler

LONGEST_WAIT = 3600.0
KILL_SECONDS = 30.0
UNREAD_SECONDS = 3.0


class Stopper:
    """Ends containers and waits for their end."""

    def __init__(self, means: Means, *, settler: Settler, remover: Remover) -> None:
        self._means = means
        self._settler = settler
        self._remover = remover

    def signal(self, record: ContainerRecord, number: int) -> None:
        """Send the signal *number* to a running container; one that has just ended is fine."""
        bundle = self._means.bundles.locate(record.id)
        if self._means.runtime.signal(bundle, number):
            tell(self._means.events, "kill", record, signal=str(number))

    def forbid_restart(self, record: ContainerRecord) -> None:
        """
        Note that the container is ended by hand, so that its policy leaves it ended.

        One that waits to be started again does not any more.
        """
        if record.settings.restart.name == "no":
            return
        self._means.store.mark_stopped(record.id, is_stopped=True)
        with self._means.locks.held(lock_name(record.id)):
            current = self._means.store.find_by_id(record.id)
            if current is not None and current.state is ContainerState.RESTARTING:
                self.give_up(current)

    def give_up(self, record: ContainerRecord) -> ContainerRecord:
        """Leave ended what waits to be started again; with its lock held."""
        state = after(Change.GIVE_UP, record.state, name=record.name)
        ended = replace(record, state=state, restart_at=None)
        self._means.store.save(ended)
        return ended

    def kill(self, record: ContainerRecord, *, keeps: bool = False) -> ContainerRecord:
        """End a running container by force and return its record afterwards."""
        since = self._means.events.last_sequence()
        self.signal(record, KILLED - 128)
        ended = self.await_end(record, UNREAD_SECONDS, since=since, keeps=keeps)
        if ended is None:
            # Somebody is attached who does not read what it printed last.
            self._means.monitor.hang_up(self._means.bundles.locate(record.id))
            ended = self.await_end(record, KILL_SECONDS, since=since, keeps=keeps)
        if ended is None:
            raise SystemFailure(f"container {record.name} does not end, although it was killed")
        return ended

    def await_end(
        self,
        record: ContainerRecord,
        timeout: float | None,
        *,
        since: int | None = None,
        keeps: bool = False,
    ) -> ContainerRecord | None:
        """
        Return the record of the container once it does not run; None if *timeout* passes first.

        A container that is removed at its exit is so, unless *keeps*; its last record is returned.
        Where somebody else may have removed it already, *since* is the last event before.
        """
        sequence = self._means.events.last_sequence() if since is None else since
        deadline = None if timeout is None else time.monotonic() + timeout
        bundle = self._means.bundles.locate(record.id)
        while True:
            current = self.settled(record.id, keeps=keeps) or self._departed(record, sequence)
            if not current.state.has_process:
                return current
            left = LONGEST_WAIT if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return None
            if self._means.monitor.wait(bundle, timeout=min(left, LONGEST_WAIT)):
                self.lose_unwatched(record.id, keeps=keeps)

    def settled(self, container_id: str, *, keeps: bool = False) -> ContainerRecord | None:
        """
        Return the container's record, its exit taken into account; None if there is none.

        One that was to be removed at its exit is removed, unless *keeps*.
        """
        if self._means.exits.find(container_id) is None:
            return self._means.store.find_by_id(container_id)
        with self._means.locks.held(lock_name(container_id)):
            record = self._means.store.find_by_id(container_id)
            return record and self._settled(record, keeps=keeps)

    def settle_waiting(self) -> None:
        """Settle every exit whose container nobody is working on."""
        for container_id in self._means.exits.list_ids():
            with self._means.locks.tried(lock_name(container_id)) as is_held:
                record = self._means.store.find_by_id(container_id) if is_held else None
                if record is not None:
                    self._settled(record, keeps=False)

    def _settled(self, record: ContainerRecord, *, keeps: bool) -> ContainerRecord:
        settled = self._settler.settle(record)
        if settled.is_over and not keeps:
            self._remover.remove(settled)
        return settled

    def lose_unwatched(self, container_id: str, *, keeps: bool) -> None:
        """Record the end of a container whose monitor left no exit file behind."""
        with self._means.locks.held(lock_name(container_id)):
            record = self._means.store.find_by_id(container_id)
            if record is None or not self._settled(record, keeps=keeps).state.has_process:
                return
            # Somebody may have started it anew.
            if not self._means.monitor.is_watching(self._means.bundles.locate(container_id)):
                self._settler.lose(record, code=KILLED, error=UNWATCHED)

    def _departed(self, record: ContainerRecord, sequence: int) -> ContainerRecord:
        """Return the last record of a container that somebody else removed meanwhile."""
        for event in self._means.events.list_since(sequence):
            if event.subject == record.id and event.action == "die":
                return replace(
                    record,
                    state=ContainerState.EXITED,
                    pid=0,
                    exit_code=int(event.attributes["exitCode"]),
                    finished_at=event.time,
                )
        raise ContainerNotFound(record.name)
