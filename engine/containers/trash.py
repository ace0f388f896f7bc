"""
Containers that were put aside: nobody sees them, and they can come back as they were.

Going into the trash and coming back are one transaction each: the record moves from one table to
another. Directory, writable layer, log, mounts and places in networks stay where they are, and the
volumes and the image stay in use. Only emptying takes anything away, and is not undone.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.endpoints import member_of
from engine.containers.mounting import Mounting
from engine.containers.remove import clear_away
from engine.containers.telling import tell, tell_each
from engine.containers.together import GONE, Removed, at_rest, in_batches
from engine.errors import ContainerNotFound, ContainerRunning, NameTaken, RestoreConflict
from engine.settings.container import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord, TrashedContainer, TrashedSketch
    from engine.containers.settle import Settler

GOING = "is to be removed at its exit"


class ContainerTrash:
    """The trash of one engine's containers."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler
        self._mounting = Mounting(means)

    def put(
        self,
        container_id: str,
        *,
        owner: str = "",
        objection: Callable[[ContainerRecord], str] = lambda _: "",
    ) -> str:
        """
        Put a container that does not run into the trash; return *objection*'s words if it has any.

        It is asked with the container held still; where it objects nothing happens. Raises
        `ContainerNotFound` or `ContainerRunning`.
        """
        means = self._means
        with self._held(container_id):
            record = self._settler.settle(means.store.get_by_id(container_id))
            refusal = objection(record) or (GOING if record.is_over else "")
            if refusal:
                return refusal
            if not record.is_at_rest:
                raise ContainerRunning(record.name, state=record.state)
            self._put_all([record], owner)
        return ""

    def put_each(
        self,
        container_ids: Sequence[str],
        *,
        owner: str = "",
        objection: Callable[[ContainerRecord], str],
    ) -> dict[str, str]:
        """
        Put those that do not run and that *objection* has nothing against into the trash.

        Returns why others stay, by their IDs. Many go in one transaction; otherwise as `put`.
        """
        found: dict[str, str] = {}

        def put(some: Sequence[str]) -> None:
            going, refused = at_rest(
                self._means,
                self._settler,
                some,
                lambda record: objection(record) or (GOING if record.is_over else ""),
            )
            found.update(refused)
            self._put_all(going, owner)

        in_batches(self._means.locks, container_ids, put)
        return found

    def _put_all(self, records: Sequence[ContainerRecord], owner: str) -> None:
        if not records:
            return
        means, ids = self._means, [each.id for each in records]
        self._settler.clear_each(ids)
        with means.database.write():
            for each in records:
                means.store.put_aside(each.id, moment=means.clock.now(), owner=owner)
            tell_each(means.events, "destroy", records, trash="yes")
        for container_id in means.waiting.list_ids().intersection(ids):
            means.waiting.dismiss(container_id)

    def find(self, container_id: str) -> TrashedContainer | None:
        """Return the container of that ID that is in the trash, or None."""
        return self._means.store.find_aside(container_id)

    def restore(self, container_id: str, *, name: str = "") -> ContainerRecord:
        """
        Bring a container back as it was, under another *name* if one is given.

        Raises `ContainerNotFound`, `RestoreConflict` where its name is taken, or `ImageNotFound`
        where its image is not here any more; then it stays in the trash.
        """
        means = self._means
        if name:
            check_name(name)
        with self._held(container_id):
            trashed = self._get(container_id)
            record = replace(trashed.record, name=name or trashed.record.name)
            with means.database.write():
                means.images.get(str(record.image_id))
                self._check_name(record.name)
                means.store.bring_back(record)
                tell(means.events, "create", record, trash="no")
            means.networks.wiring.rename(member_of(record))
        return record

    def discard(self, container_id: str) -> int:
        """Remove a container of the trash for good, as `remove` does; return the freed bytes."""
        with self._held(container_id):
            return self._discard_all([self._get(container_id)])

    def discard_each(self, container_ids: Sequence[str]) -> Removed:
        """As `discard`, of several, many in one transaction; what is not there is refused."""
        found = Removed()

        def discard(some: Sequence[str]) -> None:
            here = {each: self.find(each) for each in some}
            trashed = [each for each in here.values() if each is not None]
            found.refused.update({each: GONE for each in some if here[each] is None})
            found.freed_bytes += self._discard_all(trashed)
            found.ids += [each.record.id for each in trashed]

        in_batches(self._means.locks, container_ids, discard)
        return found

    def _discard_all(self, trashed: Sequence[TrashedContainer]) -> int:
        if not trashed:
            return 0
        means, ids = self._means, [each.record.id for each in trashed]
        with means.database.write():
            freed = sum(means.snapshotter.remove_each(ids).values())
            self._mounting.withdraw_each(dict.fromkeys(ids, False))
            means.networks.wiring.withdraw_each(ids)
            means.store.forget_aside(ids)
        for each in trashed:
            bundle = means.bundles.locate(each.record.id)
            means.departures.add(each.record, bundle, by=each.trashed_by)
        clear_away(means, ids)
        return freed

    @contextmanager
    def _held(self, container_id: str) -> Iterator[None]:
        with self._means.locks.held(lock_name(container_id)):
            yield

    def _get(self, container_id: str) -> TrashedContainer:
        found = self._means.store.find_aside(container_id)
        if found is None:
            raise ContainerNotFound(container_id)
        return found

    def _check_name(self, name: str) -> None:
        try:
            self._means.store.check_name_is_free(name)
        except NameTaken as error:
            holder = f"container {error.holder[:12]}"
            raise RestoreConflict(name, holder=holder, free=self._free(name)) from error

    def _free(self, name: str) -> str:
        number = 0
        while True:
            number += 1
            candidate = f"{name}-restored" + (f"-{number}" if number > 1 else "")
            try:
                self._means.store.check_name_is_free(candidate)
            except NameTaken:
                continue
            return candidate

    def sketches(self) -> Sequence[TrashedSketch]:
        """Return what lists say of what is in the trash, the oldest first."""
        return self._means.store.sketch_aside()

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[TrashedContainer]:
        """Return what is in the trash, the oldest first."""
        return self._means.store.list_aside()
