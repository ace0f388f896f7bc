"""
After anything that may have happened: making records and host say the same again.

Each container is looked at under its lock. One whose lock is held is left alone: somebody is at
work on it, and if they die there is a next time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.endpoints import Connector
from engine.containers.sandbox import reconcile_sandboxes
from engine.containers.settle import KILLED, UNWATCHED
from engine.containers.state import ContainerState
from engine.containers.writable import LOST, is_in_memory
from engine.errors import RuntimeFailed

if TYPE_CHECKING:
    from engine.containers.create import Creator
    from engine.containers.pause import Pauser
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.remove import Remover
    from engine.containers.settle import Settler
    from engine.containers.start import Starter

LOST_CODE = 255
REBOOTED = "the host was restarted while it ran"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What reconciling found to do, as container IDs."""

    settled: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.settled or self.lost or self.finished or self.swept)


class Reconciler:
    """Brings every container of one engine into a true state."""

    def __init__(
        self,
        means: Means,
        *,
        creator: Creator,
        starter: Starter,
        settler: Settler,
        remover: Remover,
        pauser: Pauser,
    ) -> None:
        self._means = means
        self._creator = creator
        self._starter = starter
        self._settler = settler
        self._remover = remover
        self._pauser = pauser

    def reconcile(self) -> Reconciled:
        """
        Settle every exit, end what is half alive, finish what was interrupted, sweep the rest.

        Afterwards each container that nobody is working on is what its record says, and nothing is
        left of those that have no record.
        """
        reconcile_sandboxes(self._means)
        self._means.departures.sweep()
        found: dict[str, list[str]] = {"settled": [], "lost": [], "finished": [], "swept": []}
        users = self._means.volumes.users()
        enrolled = self._means.networks.store.enrolled()
        known = {record.id for record in self._means.store.list_all()}
        for container_id in sorted(known | self._means.bundles.list_ids()):
            with self._means.locks.tried(lock_name(container_id)) as is_held:
                outcome = self._reconcile_one(container_id) if is_held else None
            if outcome is not None:
                found[outcome].append(container_id)
        # What has a directory and no record is being made, or is a program that is run once.
        aside = {each.record.id for each in self._means.store.list_aside()}
        present = known | aside | self._means.bundles.list_ids()
        self._discard_strays(present)
        self._means.networks.wiring.reconcile(present, enrolled)
        self._means.volumes.sweep(present, users)
        return Reconciled(**{name: tuple(ids) for name, ids in found.items()})

    def _reconcile_one(self, container_id: str) -> str | None:
        record = self._means.store.find_by_id(container_id)
        if record is None:
            is_aside = self._means.store.is_aside(container_id)
            return None if is_aside else self._sweep(container_id)
        if record.state.has_process:
            return self._look_at_running(record)
        if record.state is ContainerState.REMOVING or record.is_over:
            self._remover.remove(record)
            return "finished"
        return self._clear_leftovers(record)

    def _look_at_running(self, record: ContainerRecord) -> str | None:
        bundle = self._means.bundles.locate(record.id)
        if not self._means.bundles.has_run(bundle):
            return self._lose(record, code=LOST_CODE, error=REBOOTED)
        if self._settle(record):
            return "settled"
        if not self._means.monitor.is_watching(bundle):
            # Between the first look and this one it may have left its exit file and gone.
            return "settled" if self._settle(record) else self._lose_unwatched(record)
        if self._means.runtime.is_held(bundle):
            return self._let_go(record)
        return "finished" if self._pauser.make_true(record) else None

    def _settle(self, record: ContainerRecord) -> bool:
        settled = self._settler.settle(record)
        if settled.state.has_process:
            return False
        self._remove_if_over(settled)
        return True

    def _lose_unwatched(self, record: ContainerRecord) -> str:
        # Where the run directory outlives a reboot, the processes noted in it do not.
        if self._means.runtime.is_of_this_boot(self._means.bundles.locate(record.id)):
            return self._lose(record, code=KILLED, error=UNWATCHED)
        return self._lose(record, code=LOST_CODE, error=REBOOTED)

    def _lose(self, record: ContainerRecord, *, code: int, error: str) -> str:
        self._remove_if_over(self._settler.lose(record, code=code, error=error))
        return "lost"

    def _let_go(self, record: ContainerRecord) -> str:
        try:
            self._starter.let_go(record)
        except RuntimeFailed:
            return "lost"
        return "finished"

    def _remove_if_over(self, record: ContainerRecord) -> None:
        if record.is_over:
            self._remover.remove(record)

    def _clear_leftovers(self, record: ContainerRecord) -> str | None:
        self._note_lost_memory(record)
        bundle = self._means.bundles.locate(record.id)
        has_addresses = Connector(self._means).is_active(record.id)
        if not self._means.bundles.has_run(bundle) and not has_addresses:
            return None
        self._settler.clear(bundle)
        return "finished"

    def _note_lost_memory(self, record: ContainerRecord) -> None:
        was_used = is_in_memory(record) and record.started_at is not None
        if was_used and record.error != LOST and self._means.memory.find(record.id) is None:
            self._means.store.save(replace(record, error=LOST))

    def _sweep(self, container_id: str) -> str:
        self._settler.clear(self._means.bundles.locate(container_id))
        self._creator.undo(container_id)
        self._means.locks.discard(lock_name(container_id))
        return "swept"

    def _discard_strays(self, known: set[str]) -> None:
        for container_id in self._means.exits.list_ids():
            if container_id not in known and self._means.store.find_by_id(container_id) is None:
                self._means.exits.discard(container_id)
        for container_id in self._means.memory.list_ids():
            if container_id not in known and self._means.store.find_by_id(container_id) is None:
                self._means.memory.drop(container_id)
