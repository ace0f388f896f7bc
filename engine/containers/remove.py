"""
From a container at rest to nothing.

What still stands of its last run is cleared first. Then one transaction forgets record and writable
layer together; whatever is on the disk under an ID without a record is garbage from there on, which
the same call removes, and `reconcile` if the call is killed.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.mounting import Mounting
from engine.containers.record import Pruned
from engine.containers.sandbox import discard_sandbox_of
from engine.containers.state import Change, after
from engine.containers.telling import tell
from engine.system.files import in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

# So many go in one transaction: few waits for the disk, and nobody else waits long.
BATCH = 64


GONE = "is gone already"


@dataclass
class Removed:
    """What went, the bytes that came free, and why others stayed."""

    ids: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    freed_bytes: int = 0


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

    def remove_each(
        self, container_ids: Sequence[str], objection: Callable[[ContainerRecord], str]
    ) -> Removed:
        """
        Remove those containers that do not run and that *objection* has nothing against.

        It is asked with the container held still, so that nothing comes between its answer and the
        removal. Whoever is being worked on by others is waited for.
        """
        found = Removed()
        for start in range(0, len(container_ids), BATCH):
            some = container_ids[start : start + BATCH]
            with ExitStack() as held:
                # Who waits for several locks at once may wait for whoever waits for him.
                free = [each for each in some if held.enter_context(self._tried(each))]
                self._remove_unless(free, objection, found)
            for each in (each for each in some if each not in free):
                with self._means.locks.held(lock_name(each)):
                    self._remove_unless([each], objection, found)
        return found

    def _remove_unless(
        self,
        container_ids: Sequence[str],
        objection: Callable[[ContainerRecord], str],
        found: Removed,
    ) -> None:
        going = []
        for container_id in container_ids:
            record = self._means.store.find_by_id(container_id)
            words = GONE
            if record is not None:
                record = self._settler.settle(record)
                words = objection(record)
                if not words and not record.is_at_rest:
                    words = f"is {record.state}"
            if record is None or words:
                found.refused[container_id] = words
            else:
                going.append(record)
        if going:
            found.freed_bytes += self._remove_all(going)
            found.ids += [each.id for each in going]

    def _tried(self, container_id: str) -> AbstractContextManager[bool]:
        return self._means.locks.tried(lock_name(container_id))

    def _held(self, held: ExitStack, container_ids: Sequence[str]) -> Iterable[ContainerRecord]:
        for container_id in container_ids:
            if not held.enter_context(self._tried(container_id)):
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
        in_threads(self._remove_files, [each.id for each in records])
        means.volumes.discard(volumes)
        return freed

    def _remove_files(self, container_id: str) -> None:
        means = self._means
        means.bundles.remove(means.bundles.locate(container_id))
        means.memory.drop(container_id)
        discard_sandbox_of(means, container_id)
        means.waiting.dismiss(container_id)
        means.locks.discard(lock_name(container_id))
