"""Containers: each with its directory and its snapshot on its image's layers, and no others."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Protocol

from engine.check.findings import Damage, Finding, Found
from engine.containers.create import lock_name
from engine.oci.identity import chain_id
from engine.snapshots.snapshotter import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.containers.bundle import Bundles
    from engine.containers.record import ContainerRecord, TrashedContainer
    from engine.images.store import ImageStore
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.locks import Locks

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Trash(Protocol):
    """The part of the trash that matters here."""

    def list(self) -> Sequence[TrashedContainer]:
        """Return the containers that are in it."""


class Containers(Protocol):
    """The part of the engine's containers that matters here."""

    @property
    def trash(self) -> Trash:
        """What was put aside."""

    def list(self) -> Sequence[ContainerRecord]:
        """Return every container."""

    def find(self, ref: str) -> ContainerRecord | None:
        """Return the container of that ID, or None."""

    def reconcile(self) -> object:
        """Sweep what no record names."""


class ContainerCheck:
    """Looks at the containers of one engine root."""

    def __init__(
        self,
        *,
        containers: Containers,
        bundles: Bundles,
        images: ImageStore,
        snapshotter: Snapshotter,
        locks: Locks,
    ) -> None:
        self._containers = containers
        self._bundles = bundles
        self._images = images
        self._snapshotter = snapshotter
        self._locks = locks
        self.count = 0

    def find(self) -> Iterator[Found]:
        """Yield what is wrong with each, and what is left of those that no record names."""
        known = set()
        for record in self._containers.list():
            self.count += 1
            known.add(record.id)
            yield from self._look_at(record)
        yield from self._unowned(known)

    def _look_at(self, record: ContainerRecord) -> Iterator[Found]:
        bundle = self._bundles.locate(record.id)
        if not bundle.directory.is_dir() and self._is_still(record):
            finding = Finding(Damage.BUNDLE_MISSING, record.id, f"the directory of {record.name}")
            yield Found(finding, partial(self._make_bundle, record))
        snapshot = self._snapshotter.find(record.id)
        if snapshot is None or snapshot.kind is not Kind.ACTIVE:
            if self._is_still(record):
                detail = f"what {record.name} wrote is gone"
                yield Found(Finding(Damage.SNAPSHOT_MISSING, record.id, detail))
            return
        reason = self._contradiction(record, str(snapshot.parent) if snapshot.parent else "")
        if reason:
            yield Found(Finding(Damage.SNAPSHOT_WRONG, record.id, f"{record.name}: {reason}"))

    def _contradiction(self, record: ContainerRecord, parent: str) -> str:
        image = self._images.find_by_id(record.image_id)
        if image is None:
            return f"its image {record.image_id.short} is gone"
        diff_ids = image.config.diff_ids
        wanted = str(chain_id(diff_ids)) if diff_ids else ""
        return "" if parent == wanted else "it stands on other layers than its image has"

    def _is_still(self, record: ContainerRecord) -> bool:
        return self._containers.find(record.id) is not None

    def _make_bundle(self, record: ContainerRecord) -> str:
        self._bundles.make(self._bundles.locate(record.id))
        return "made again; its log is lost"

    def _unowned(self, known: set[str]) -> Iterator[Found]:
        active = {
            each.key for each in self._snapshotter.iter_snapshots() if each.kind is Kind.ACTIVE
        }
        for container_id in sorted((active | self._bundles.list_ids()) - known):
            # Whoever is about to record it holds its lock; other work has keys of other forms.
            with self._locks.tried(lock_name(container_id)) as is_free:
                is_lost = is_free and not self._is_known(container_id)
            if is_lost and _CONTAINER_ID.fullmatch(container_id):
                finding = Finding(Damage.CONTAINER_UNOWNED, container_id, "no record names it")
                yield Found(finding, partial(self._sweep, container_id))

    def _is_known(self, container_id: str) -> bool:
        aside = {each.record.id for each in self._containers.trash.list()}
        return container_id in aside or self._containers.find(container_id) is not None

    def _sweep(self, container_id: str) -> str:
        self._containers.reconcile()
        if self._snapshotter.find(container_id) is not None:
            self._snapshotter.remove(container_id)
        return "removed"
