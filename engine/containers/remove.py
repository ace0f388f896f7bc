"""
From a container at rest to nothing.

The record says `removing` first and goes last, so that a removal that was interrupted is finished
by `reconcile`, or by whoever asks again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.state import Change, after
from engine.containers.telling import tell

if TYPE_CHECKING:
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler


class Remover:
    """Removes containers; to be called with the container's lock held."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler

    def remove(self, record: ContainerRecord) -> int:
        """
        Remove a container that does not run, with its writable layer; return the freed bytes.

        Raises `ContainerRunning`.
        """
        means = self._means
        removing = replace(record, state=after(Change.REMOVE, record.state, name=record.name))
        means.store.save(removing)
        bundle = means.bundles.locate(record.id)
        self._settler.clear(bundle)
        freed = means.snapshotter.remove(record.id)
        means.bundles.remove(bundle)
        means.waiting.dismiss(record.id)
        with means.database.write():
            means.store.delete(record.id)
            means.networks.wiring.withdraw(record.id)
            tell(means.events, "destroy", record)
        means.locks.discard(lock_name(record.id))
        return freed
