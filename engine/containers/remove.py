"""
From a container at rest to nothing.

What still stands of its last run is cleared first. Then one transaction forgets record and writable
layer together; whatever is on the disk under an ID without a record is garbage from there on, which
the same call removes, and `reconcile` if the call is killed.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.mounting import Mounting
from engine.containers.record import Pruned
from engine.containers.sandbox import discard_sandbox_of
from engine.containers.state import Change, after
from engine.containers.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

# So many go in one transaction: few waits for the disk, and nobody else waits long.
BATCH = 64


class Remover:
    """Removes containers."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler
        self._mounting = Mounting(means)

    def remove(self, record: ContainerRecord, *, with_volumes: bool = False) -> int:
        """
        Remove a container that does not run, with its writable layer; return the freed bytes.

        *with_volumes*, or if it was to be removed at its exit, its anonymous volumes go too. To be
        called with its lock held. Raises `ContainerRunning`.
        """
        return self._remove_all([record], with_volumes=with_volumes)

    def prune(self, container_ids: Sequence[str]) -> Pruned:
        """Remove those containers that still do not run and that nobody is working on."""
        removed: list[str] = []
        freed = 0
        for start in range(0, len(container_ids), BATCH):
            with ExitStack() as held:
                records = list(self._held(held, container_ids[start : start + BATCH]))
                freed += self._remove_all(records)
                removed += [each.id for each in records]
        return Pruned(tuple(removed), freed)

    def _held(self, held: ExitStack, container_ids: Sequence[str]) -> Iterable[ContainerRecord]:
        for container_id in container_ids:
            name = lock_name(container_id)
            if not held.enter_context(self._means.locks.tried(name)):
                continue
            record = self._means.store.find_by_id(container_id)
            if record is not None and record.is_at_rest:
                yield record

    def _remove_all(self, records: Sequence[ContainerRecord], *, with_volumes: bool = False) -> int:
        means = self._means
        for record in records:
            after(Change.REMOVE, record.state, name=record.name)
            self._settler.clear(means.bundles.locate(record.id))
        freed = 0
        volumes: list[str] = []
        # After a power cut, one that went at its exit would be found lost, and removed again.
        is_over = all(each.is_over for each in records)
        with means.database.write(survives_power_cut=not is_over):
            for record in records:
                freed += means.snapshotter.remove(record.id)
                volumes += self._mounting.withdraw(
                    record.id, with_anonymous=with_volumes or record.settings.auto_remove
                )
                means.store.delete(record.id)
                means.networks.wiring.withdraw(record.id)
                tell(means.events, "destroy", record)
        for record in records:
            means.departures.add(record, means.bundles.locate(record.id))
            means.bundles.remove(means.bundles.locate(record.id))
            means.memory.drop(record.id)
            discard_sandbox_of(means, record.id)
            means.waiting.dismiss(record.id)
            means.locks.discard(lock_name(record.id))
        means.volumes.discard(volumes)
        return freed
