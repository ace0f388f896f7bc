"""
Everything that an engine root holds, known from one look to the next.

What has changed since the last look is read, and measured where it has to be; all else is still
known. So a look costs what happened, not what there is. It may be shared between threads.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.cleanup.gather import Findings, iter_others, log_subject
from engine.cleanup.measurer import measured_bytes
from engine.cleanup.subject import SubjectKind
from engine.cleanup.subjects import KnownSubjects
from engine.errors import InvalidDigest
from engine.images.resources import LAYER
from engine.ledger.book import DEPARTED, WRITABLE, Book
from engine.ledger.changes import (
    CONTAINER,
    IMAGE,
    SIZE,
    TRASHED_CONTAINER,
    changes_since,
    newest_change,
)
from engine.ledger.facts import Facts
from engine.ledger.survey import CACHE_MOUNT, INGEST, LOG, TRASH, VOLUME, held_by
from engine.oci.digest import ChainID, Digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from engine.cleanup.measurer import Known, Measurer
    from engine.cleanup.sources import Sources
    from engine.cleanup.subject import Subject
    from engine.images.record import ImageRecord
    from engine.ledger import DiskUsage
    from engine.networks.networks import Networks
    from engine.system.clock import Clock
    from engine.system.database import Database

# The logs of removed containers are moved after the removal; so long that may be under way.
UNDER_WAY_SECONDS, DEPARTED_SECONDS = 5.0, 60.0


@dataclass
class _Seen:
    """What was seen, up to the change *sequence*, at the *version* of the records."""

    version: int
    sequence: int
    book: Book
    subjects: KnownSubjects
    departed_at: float = 0.0
    removed_at: float = 0.0


class Lookout:
    """Looks at one engine root again and again."""

    def __init__(
        self,
        sources: Sources,
        measurer: Measurer,
        *,
        networks: Networks,
        database: Database,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._measurer = measurer
        self._networks = networks
        self._database = database
        self._facts = Facts(database)
        self._clock = clock
        self._lock = threading.RLock()
        self._seen: _Seen | None = None

    # --- Questions ----------------------------------------------------------------------------

    @contextmanager
    def book(self) -> Iterator[Book]:
        """Yield the ledger as it is now; nobody else uses it during the block."""
        with self._lock:
            yield self._look().book

    def freed(self, selection: Iterable[str]) -> int:
        """Return the bytes that come free if exactly the holders in *selection* go."""
        with self.book() as book:
            return book.freed(selection)

    def freed_each(self, holders: Iterable[str]) -> dict[str, int]:
        """Return for each of *holders* the bytes that come free if it alone goes."""
        with self.book() as book:
            return {each: book.freed([each]) for each in holders}

    def usage(self) -> DiskUsage:
        """Return what takes the disk, each byte once, and how old the oldest part of that is."""
        with self.book() as book:
            return replace(book.usage(), measured_at=self._measurer.oldest())

    def subjects(
        self, kinds: Collection[SubjectKind], *, leased: frozenset[str], pinned: frozenset[str]
    ) -> list[Subject]:
        """Return all that a clean-up of those *kinds* may take."""
        with self._lock:
            seen = self._look()
            seen.subjects.age(self._clock.now())
            found: list[Subject] = []
            if SubjectKind.CONTAINER in kinds:
                found += _with_pins(seen.subjects.containers, pinned)
            if SubjectKind.IMAGE in kinds:
                images = _with_pins(seen.subjects.images, pinned)
                found += self._with_leases(images, leased) if leased else images
            if SubjectKind.LOG in kinds:
                found += _logs(seen, pinned)
            return found + list(iter_others(self._others(seen, kinds, pinned)))

    def _with_leases(self, images: list[Subject], leased: frozenset[str]) -> list[Subject]:
        needed: set[str] = set()
        for each in leased:
            word, _, name = each.partition(":")
            # Work at hand also leases what is no image's yet, under names of its own.
            with suppress(InvalidDigest):
                needed |= {str(image.id) for image in self._images_with(word, Digest.parse(name))}
        return [replace(each, is_leased=True) if each.id in needed else each for each in images]

    def _images_with(self, word: str, digest: Digest) -> list[ImageRecord]:
        images = self._sources.images
        if word == LAYER:
            return images.list_with_layer(ChainID(digest))
        return images.list_with_blob(digest)

    def _others(
        self, seen: _Seen, kinds: Collection[SubjectKind], pinned: frozenset[str]
    ) -> Findings:
        sources = self._sources
        found = Findings(self._clock.now(), names=seen.subjects.names, pinned=pinned)
        if SubjectKind.VOLUME in kinds:
            sizes = seen.book.bytes_of(VOLUME)
            volumes = sources.volumes.list()
            found = replace(
                found,
                volumes=tuple((each, sizes.get(each.name, 0)) for each in volumes),
                volume_users=sources.volumes.list_users(),
            )
        if SubjectKind.NETWORK in kinds:
            members = self._networks.list_members()
            found = replace(found, networks=tuple(self._networks.list()), members=members)
        if SubjectKind.CACHED_STEP in kinds:
            found = replace(found, steps=tuple(sources.builds.cache_steps()))
        if SubjectKind.CACHE_MOUNT in kinds:
            sizes = seen.book.bytes_of(CACHE_MOUNT)
            found = replace(found, caches=tuple(sources.builds.cache_places()), cache_bytes=sizes)
        if SubjectKind.INGEST in kinds:
            found = replace(found, ingests=tuple(sources.content.iter_ingests()))
        return found

    # --- Looking ------------------------------------------------------------------------------

    def _look(self) -> _Seen:
        self._sources.containers.settle()
        version = self._database.version()
        # What was followed by half is not known any more: an error has the next look begin anew.
        seen, self._seen = self._seen, None
        if seen is None or (seen.version != version and not self._followed(seen)):
            seen = self._anew()
        seen.version = version
        self._look_beside(seen)
        self._seen = seen
        return seen

    def _anew(self) -> _Seen:
        book = Book()
        seen = _Seen(0, newest_change(self._database), book, KnownSubjects(self._sources, book))
        with self._database.read():
            self._facts.fill(book)
        self._take_sizes(seen, self._measurer.known())
        seen.subjects.fill(self._clock.now())
        return seen

    def _followed(self, seen: _Seen) -> bool:
        """Take what changed into account; return False where everything is to be looked at."""
        with self._database.read():
            changes = changes_since(self._database, seen.sequence)
            if not changes.is_whole or not self._facts.update(seen.book, changes.keys):
                return False
        seen.sequence = changes.sequence
        touched = changes.keys.get(CONTAINER, set()) | changes.keys.get(TRASHED_CONTAINER, set())
        resized = {each.partition(":")[2] for each in changes.keys.get(SIZE, ())}
        self._take_sizes(seen, self._measurer.known(touched | resized), gone=touched)
        seen.subjects.update(touched, changes.keys.get(IMAGE, set()), self._clock.now())
        seen.subjects.resize(resized)
        if touched - seen.subjects.containers.keys():
            seen.removed_at = time.monotonic()
        return True

    def _take_sizes(
        self, seen: _Seen, known: Collection[Known], *, gone: Collection[str] = ()
    ) -> None:
        """Let the book have the sizes that are known, of which some may have to be measured."""
        measured = self._measurer.measure(each for each in known if each.is_needed)
        for word in (WRITABLE, LOG):
            sizes = {each.name: each.bytes or 0 for each in known if each.word == word}
            sizes |= {name: size for (kind, name), size in measured.items() if kind == word}
            for name in set(gone) - sizes.keys():
                seen.book.set_bytes(word, name, None)
            for name, size in sizes.items():
                seen.book.set_bytes(word, name, size)
        for word in (VOLUME, CACHE_MOUNT, TRASH):
            sizes = {each.name: each.bytes or 0 for each in known if each.word == word}
            sizes |= {name: size for (kind, name), size in measured.items() if kind == word}
            seen.book.replace_bytes(word, sizes)

    def _look_beside(self, seen: _Seen) -> None:
        """Look at what no record tells of."""
        ingests = {
            str(each.digest): each.disk_bytes for each in self._sources.content.iter_ingests()
        }
        seen.book.replace_bytes(INGEST, ingests)
        now = time.monotonic()
        is_old = now - seen.departed_at > DEPARTED_SECONDS
        if is_old or seen.departed_at - seen.removed_at < UNDER_WAY_SECONDS:
            seen.book.replace_bytes(DEPARTED, {"": measured_bytes(self._sources.paths.departed)})
            seen.departed_at = now


def _with_pins(subjects: dict[str, Subject], pinned: frozenset[str]) -> list[Subject]:
    if pinned.isdisjoint(subjects):
        return list(subjects.values())
    return [
        replace(each, is_pinned=True) if each.id in pinned else each for each in subjects.values()
    ]


def _logs(seen: _Seen, pinned: frozenset[str]) -> Iterator[Subject]:
    sizes = seen.book.bytes_of(LOG)
    for each in seen.subjects.containers.values():
        size = sizes.get(each.id, 0)
        if size:
            yield log_subject(each, size, is_pinned=held_by(LOG, each.id) in pinned)
