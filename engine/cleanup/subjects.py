"""Containers and images as subjects of clean-ups, made once and again when they change."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.cleanup.gather import container_subject, image_subject
from engine.cleanup.rules import FRESH
from engine.cleanup.subject import Standing
from engine.containers.store import IN_TRASH
from engine.ledger.book import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from engine.cleanup.sources import Sources
    from engine.cleanup.subject import Subject
    from engine.containers.record import ContainerRecord
    from engine.ledger.book import Book


class KnownSubjects:
    """
    The containers and the images of one engine root, as far as they were told of.

    *names* are what containers are called, and where they are in the trash that they are there.
    """

    def __init__(self, sources: Sources, book: Book) -> None:
        self._sources = sources
        self._book = book
        self.containers: dict[str, Subject] = {}
        self.images: dict[str, Subject] = {}
        self.names: dict[str, str] = {}
        self._image_of: dict[str, str] = {}
        self._users: dict[str, set[str]] = defaultdict(set)
        self._fresh: set[str] = set()

    def fill(self, now: datetime) -> None:
        """Look at everything."""
        for record in self._sources.containers.list():
            self._take(record, now)
        for each in self._sources.containers.trash.list():
            self._name(each.record, in_trash=True)
        self._look_at_images(None)

    def update(self, containers: Collection[str], images: Collection[str], now: datetime) -> None:
        """Look at those containers, wherever they are, and those images again."""
        touched = set(images)
        touched |= {self._image_of[each] for each in containers if each in self._image_of}
        found = {each.id: each for each in self._sources.containers.list_by_id(tuple(containers))}
        for container_id in containers:
            self._forget(container_id)
            if container_id in found:
                self._take(found[container_id], now)
            elif trashed := self._sources.containers.trash.find(container_id):
                self._name(trashed.record, in_trash=True)
        touched |= {self._image_of[each] for each in containers if each in self._image_of}
        self._look_at_images(touched)

    def resize(self, container_ids: Iterable[str]) -> None:
        """Take the sizes of those containers' writable layers from the book again."""
        sizes = self._book.bytes_of(WRITABLE)
        for each in container_ids:
            if each in self.containers:
                self.containers[each] = replace(self.containers[each], size=sizes.get(each, 0))

    def age(self, now: datetime) -> None:
        """Let what was made a moment ago be so no more where that is true by *now*."""
        for each in tuple(self._fresh):
            subject = self.containers[each]
            if now - (subject.created_at or now) >= FRESH:
                self.containers[each] = replace(subject, standing=Standing.IDLE)
                self._fresh.discard(each)

    def _take(self, record: ContainerRecord, now: datetime) -> None:
        size = self._book.bytes_of(WRITABLE).get(record.id, 0)
        subject = container_subject(record, now=now, size=size)
        self.containers[record.id] = subject
        if subject.standing is Standing.FRESH:
            self._fresh.add(record.id)
        self._name(record, in_trash=False)

    def _name(self, record: ContainerRecord, *, in_trash: bool) -> None:
        image_id = str(record.image_id)
        self.names[record.id] = f"{record.name} ({IN_TRASH})" if in_trash else record.name
        self._image_of[record.id] = image_id
        self._users[image_id].add(record.id)

    def _forget(self, container_id: str) -> None:
        self.containers.pop(container_id, None)
        self.names.pop(container_id, None)
        self._fresh.discard(container_id)
        image_id = self._image_of.pop(container_id, None)
        if image_id is not None:
            self._users[image_id].discard(container_id)

    def _look_at_images(self, ids: Collection[str] | None) -> None:
        for each in ids or ():
            self.images.pop(each, None)
        for sketch in self._sources.images.list_sketches(ids):
            image_id = str(sketch.id)
            users = [self.names[each] for each in self._users.get(image_id, ())]
            size = self._book.image_size(image_id)
            self.images[image_id] = image_subject(sketch, users, size=size)
