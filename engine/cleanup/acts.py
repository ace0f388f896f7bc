"""
Having the items of a plan gone, each looked at once more.

The look and the act are one: a container is held still between them, an image is looked at in the
transaction that removes it. Many go in one transaction, so that there are few waits for the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from engine.cleanup.filters import protection
from engine.cleanup.gather import (
    container_subject,
    image_subject,
    is_image_leased,
    log_subject,
    volume_subject,
)
from engine.cleanup.plan import CleanupReport, Skipped
from engine.cleanup.subject import Standing, SubjectKind, what_happened
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.cleanup.lookout import Lookout
    from engine.cleanup.plan import SealedItem
    from engine.cleanup.plan_store import PlanStore
    from engine.cleanup.sources import Sources
    from engine.cleanup.subject import Subject
    from engine.containers.record import ContainerRecord
    from engine.images.record import ImageRecord
    from engine.leases import Leases
    from engine.networks.networks import Networks
    from engine.registry.registries import Registries
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.volumes.record import VolumeRecord

GONE = "is gone already"
TOGETHER = frozenset({SubjectKind.CONTAINER, SubjectKind.IMAGE})
TRASHABLE = TOGETHER | {SubjectKind.VOLUME}


@dataclass(frozen=True)
class Tools:
    """With what plans are made and carried out."""

    sources: Sources
    lookout: Lookout
    networks: Networks
    registries: Registries
    leases: Leases
    database: Database
    plans: PlanStore
    clock: Clock


class Acts:
    """What carries out plans of one engine root."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def remove(self, item: SealedItem, subject: Subject | None) -> int | Skipped:
        """
        Remove a thing for good, unless something happened to it; *subject* is what it is now.

        Not for containers and images, see `remove_many`.
        """
        if item.kind is SubjectKind.LOG:
            return self._remove_log(item)
        skipped = _objection(item, subject)
        return skipped or self._removed(item)

    def remove_many(self, items: Sequence[SealedItem]) -> CleanupReport:
        """Remove containers, or images, for good, but those to which something happened."""
        if items[0].kind is SubjectKind.IMAGE:
            return self._remove_images(items)
        planned = {each.id: each for each in items}
        removed = self._tools.sources.containers.remove_each(
            list(planned), lambda record: _words(planned[record.id], self._container(record))
        )
        skipped = tuple(Skipped(*each) for each in removed.refused.items())
        return CleanupReport(tuple(removed.ids), skipped, removed.freed_bytes)

    def put_many_aside(self, items: Sequence[SealedItem], owner: str) -> CleanupReport:
        """Put containers, or images, into the trash, but those to which something happened."""
        planned = {each.id: each for each in items}
        if items[0].kind is SubjectKind.IMAGE:
            refused = self._put_images_aside(planned, owner)
        else:
            refused = self._tools.sources.containers.trash.put_each(
                list(planned),
                owner=owner,
                objection=lambda record: _words(planned[record.id], self._container(record)),
            )
        return CleanupReport(
            tuple(each for each in planned if each not in refused),
            tuple(Skipped(*each) for each in refused.items()),
            0,
        )

    def _put_images_aside(self, planned: Mapping[str, SealedItem], owner: str) -> dict[str, str]:
        # Its containers in the trash come back with it there.
        users = self._tools.sources.containers.present_holders
        # Asked once, in the transaction in which all of them go.
        leased = cache(partial(leased_now, self._tools))
        return self._tools.sources.image_trash.put_each(
            list(planned),
            owner=owner,
            objection=lambda image: _words(
                planned[str(image.id)], self._image(image, users(image.id), leased())
            ),
        )

    def put_volume_aside(
        self, item: SealedItem, owner: str, subject: Subject | None
    ) -> int | Skipped:
        """Put a volume into the trash, unless something happened to it; *subject* is as it is."""
        skipped = _objection(item, subject)
        if skipped:
            return skipped

        def objection(record: VolumeRecord) -> str:
            is_pinned = self._tools.plans.is_pinned(item.id)
            return _words(item, volume_subject(record, is_pinned=is_pinned))

        name = item.id.partition(":")[2]
        put = self._tools.sources.volumes.trash.put(name, owner=owner, objection=objection)
        return Skipped(item.id, put) if isinstance(put, str) else 0

    def _remove_images(self, items: Sequence[SealedItem]) -> CleanupReport:
        planned = {each.id: each for each in items}
        removed = self._tools.sources.images.remove_each(
            list(planned),
            lambda image, *facts: _words(planned[str(image.id)], self._image(image, *facts)),
        )
        skipped = tuple(Skipped(*each) for each in removed.refused.items())
        freed = sum(each.freed_bytes for each in removed.removals.values())
        return CleanupReport(tuple(removed.removals), skipped, freed)

    def _remove_log(self, item: SealedItem) -> int | Skipped:
        containers = self._tools.sources.containers
        container_id = item.id.partition(":")[2]

        def objection(record: ContainerRecord) -> str:
            is_pinned = self._tools.plans.is_pinned(item.id)
            size = containers.log_bytes(container_id)
            return _words(item, log_subject(self._container(record), size, is_pinned=is_pinned))

        freed = containers.drop_log(container_id, objection=objection)
        return Skipped(item.id, freed) if isinstance(freed, str) else freed

    def _removed(self, item: SealedItem) -> int | Skipped:
        sources = self._tools.sources
        name = item.id.partition(":")[2]
        freed: int | None = 0
        if item.kind is SubjectKind.VOLUME:
            freed = sources.volumes.remove(name)
        elif item.kind is SubjectKind.NETWORK:
            self._tools.networks.remove(item.id)
        elif item.kind is SubjectKind.CACHED_STEP:
            sources.builds.forget_step(name)
        elif item.kind is SubjectKind.CACHE_MOUNT:
            freed = sources.builds.remove_cache_mount(name)
        elif item.kind is SubjectKind.INGEST:
            freed = sources.content.discard_ingest(Digest.parse(name))
        return Skipped(item.id, "is in use") if freed is None else freed

    def _container(self, record: ContainerRecord) -> Subject:
        is_pinned = self._tools.plans.is_pinned(record.id)
        return container_subject(record, now=self._tools.clock.now(), is_pinned=is_pinned)

    def _image(self, image: ImageRecord, users: Iterable[str], leased: frozenset[str]) -> Subject:
        return image_subject(
            image,
            users,
            is_leased=is_image_leased(image, leased),
            is_pinned=self._tools.plans.is_pinned(str(image.id)),
        )


def leased_now(tools: Tools) -> frozenset[str]:
    """Return what work at hand needs."""
    with tools.database.write() as transaction:
        return tools.leases.leased(transaction)


def _objection(item: SealedItem, subject: Subject | None) -> Skipped | None:
    """Return why *item* stays although it was planned, or None where it goes."""
    words = _words(item, subject)
    return Skipped(item.id, words) if words else None


def _words(item: SealedItem, subject: Subject | None) -> str:
    if subject is None:
        return GONE
    happened = what_happened(item.facts, subject.facts) or protection(subject)
    still_held = [each for each in subject.facts.holders if each in item.facts.holders]
    if not happened and still_held:
        happened = f"is used by {still_held[0]}"
    if not happened and subject.standing is not Standing.IDLE:
        happened = f"is {subject.facts.state or subject.standing}"
    return happened
