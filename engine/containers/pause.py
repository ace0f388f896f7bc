"""
Standing still and going on.

The record is changed first and the control group follows; where somebody is killed in between,
`reconcile` makes the group do what the record says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.state import Change, ContainerState, after
from engine.containers.telling import tell
from engine.errors import SystemFailure

if TYPE_CHECKING:
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord


class Pauser:
    """Pauses containers; to be called with the container's lock held."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def pause(self, record: ContainerRecord) -> ContainerRecord:
        """Have the processes of a running container stand still; raise `WrongState`."""
        paused = self._changed(record, Change.PAUSE)
        try:
            self._means.cgroups.freeze(self._means.bundles.locate(record.id).cgroup)
        except SystemFailure:
            self._changed(paused, Change.UNPAUSE)
            raise
        return paused

    def unpause(self, record: ContainerRecord) -> ContainerRecord:
        """Have the processes of a paused container go on; raise `WrongState`."""
        running = self._changed(record, Change.UNPAUSE)
        self._means.cgroups.thaw(self._means.bundles.locate(record.id).cgroup)
        return running

    def make_true(self, record: ContainerRecord) -> bool:
        """Have the processes do what the record says; return whether they did something else."""
        cgroup = self._means.bundles.locate(record.id).cgroup
        shall_stand = record.state is ContainerState.PAUSED
        if self._means.cgroups.is_frozen(cgroup) == shall_stand:
            return False
        if shall_stand:
            self._means.cgroups.freeze(cgroup)
        else:
            self._means.cgroups.thaw(cgroup)
        return True

    def _changed(self, record: ContainerRecord, change: Change) -> ContainerRecord:
        changed = replace(record, state=after(change, record.state, name=record.name))
        with self._means.database.write():
            self._means.store.save(changed)
            tell(self._means.events, change, changed)
        return changed
