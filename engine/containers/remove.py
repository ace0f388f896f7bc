"""
From a container at rest to nothing.

What still stands of its last run is cleared first. Then one transaction forgets record and writable
layer together; whatever is on the disk under an ID without a record is garbage from there on, which
the same call removes, and `reconcile` if the call is killed.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.mounting import Mounting
from engine.containers.record import Pruned
from engine.containers.sandbox import discard_sandboxes_of
from engine.containers.state import Change, after
from engine.containers.telling import tell_each
from engine.containers.together import BATCH, Removed, at_rest, in_batches
from engine.system.removal import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler


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
                records = self._held(held, container_ids[start : start + BATCH])
                freed += self._remove_all(records)
                removed += [each.id for each in records]
        return Pruned(tuple(removed), freed)

    def remove_each(
        self, container_ids: Sequence[str], objection: Callable[[ContainerRecord], str]
    ) -> Removed:
        """
        Remove those containers that do not run and that *objection* has nothing against.

        It is asked with the container held still, so that nothing comes between its answer and the
        removal. Whoever is being worked on by others is waited for.
        """
        found = Removed()

        def remove(some: Sequence[str]) -> None:
            going, refused = at_rest(self._means, self._settler, some, objection)
            found.refused.update(refused)
            found.freed_bytes += self._remove_all(going)
            found.ids += [each.id for each in going]

        in_batches(self._means.locks, container_ids, remove)
        return found

    def _held(self, held: ExitStack, container_ids: Sequence[str]) -> list[ContainerRecord]:
        """Return those that do not run and that nobody is working on, held still."""
        tried = self._means.locks.tried
        free = [each for each in container_ids if held.enter_context(tried(lock_name(each)))]
        return [each for each in self._means.store.list_by_id(free) if each.is_at_rest]

    def _remove_all(self, records: Sequence[ContainerRecord], *, with_volumes: bool = False) -> int:
        if not records:
            return 0
        means = self._means
        for record in records:
            after(Change.REMOVE, record.state, name=record.name)
        ids = [each.id for each in records]
        self._settler.clear_each(ids)
        # After a power cut, one that went at its exit would be found lost, and removed again.
        is_over = all(each.is_over for each in records)
        with means.database.write(survives_power_cut=not is_over):
            freed = sum(means.snapshotter.remove_each(ids).values())
            volumes = self._mounting.withdraw_each(
                {each.id: with_volumes or each.settings.auto_remove for each in records}
            )
            means.store.delete_each(ids)
            means.networks.wiring.withdraw_each(ids)
            tell_each(means.events, "destroy", records)
        for record in records:
            means.departures.add(record, means.bundles.locate(record.id))
        clear_away(means, ids)
        means.volumes.discard(volumes)
        return freed


def clear_away(means: Means, container_ids: Sequence[str]) -> None:
    """Remove what is left of containers whose records are gone, but snapshots and volumes."""
    for container_id in means.waiting.list_ids() & set(container_ids):
        means.waiting.dismiss(container_id)
    for container_id in set(means.memory.list_ids()) & set(container_ids):
        means.memory.drop(container_id)
    discard_sandboxes_of(means, container_ids)
    in_threads(partial(_remove_bundle, means), container_ids)


def _remove_bundle(means: Means, container_id: str) -> None:
    means.bundles.remove(means.bundles.locate(container_id))
    # Last: as long as there is anything of it, nobody else is to sweep it.
    means.locks.discard(lock_name(container_id))
