"""
Measuring what is in no record: writable layers, logs, volumes, directories of cache mounts.

What is at rest is measured once, and again when something happened to it. What is in use grows
while it is looked at, so that is looked at now and then, in turns, and its size says its age.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.record import AT_REST
from engine.errors import EngineError, NotFound
from engine.ledger.book import WRITABLE
from engine.ledger.sizes import IN_USE
from engine.ledger.survey import CACHE_MOUNT, LOG, TRASH, VOLUME
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.files import measure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from pathlib import Path

    from engine.cleanup.sources import Sources
    from engine.ledger.sizes import MeasuredSizes
    from engine.system.clock import Clock
    from engine.system.database import Database, Row

# So many are measured between two writes, and asked for in one question.
BATCH = 100
AGE = timedelta(seconds=30)
_RESTING = ", ".join(f"'{each}'" for each in sorted(AT_REST))
_PLACES = f"""
    SELECT id AS name, state NOT IN ({_RESTING}) AS is_used FROM containers
    UNION ALL SELECT id, 0 FROM trashed_containers
"""  # noqa: S608
_VOLUMES = f"""
    SELECT name, EXISTS (
        SELECT 1 FROM volume_uses JOIN containers ON containers.id = container_id
        WHERE volume = volumes.name AND state NOT IN ({_RESTING})
    ) AS is_used FROM volumes
    WHERE coalesce(json_extract(settings, '$.options'), '{{}}') = '{{}}'
"""  # noqa: S608
_TRASHED_VOLUMES = f"""
    SELECT '{VOLUME}:' || id AS name, 0 AS is_used FROM trashed_volumes
    WHERE coalesce(json_extract(settings, '$.options'), '{{}}') = '{{}}'
"""  # noqa: S608
_OLDEST = f"""
    SELECT min(s.measured_at) AS oldest FROM containers c JOIN ledger_sizes s ON s.name = c.id
    WHERE s.word IN ('{WRITABLE}', '{LOG}') AND c.state NOT IN ({_RESTING})
    UNION ALL SELECT min(s.measured_at) FROM containers c
    JOIN volume_uses u ON u.container_id = c.id JOIN ledger_sizes s ON s.name = u.volume
    WHERE s.word = '{VOLUME}' AND c.state NOT IN ({_RESTING})
"""  # noqa: S608
_KNOWN = """
    SELECT found.name, found.is_used, bytes, measured_at, measured, changed
    FROM ({found}) found LEFT JOIN ledger_sizes s ON s.word = ? AND s.name = found.name
"""
_OF_CONTAINERS = (WRITABLE, LOG)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the size of one thing, None for nothing; *measured_at* in nanoseconds."""

    word: str
    name: str
    is_used: bool
    bytes: int | None
    measured_at: int
    is_exact: bool
    mark: int | None = None

    @property
    def is_needed(self) -> bool:
        """Whether no number can be told before it is measured."""
        return self.bytes is None or not (self.is_used or self.is_exact)


class Measurer:
    """Measures what one engine root holds."""

    def __init__(
        self, sources: Sources, sizes: MeasuredSizes, database: Database, clock: Clock
    ) -> None:
        self._sources = sources
        self._sizes = sizes
        self._database = database
        self._clock = clock

    def known(self, containers: Collection[str] | None = None) -> list[Known]:
        """Return what is known of everything, or of volumes, caches and those *containers*."""
        found = [
            _known(word, row)
            for word in _OF_CONTAINERS
            for row in self._rows(word, _PLACES, containers)
        ]
        found += [_known(VOLUME, row) for row in self._rows(VOLUME, _VOLUMES, None)]
        found += [_known(TRASH, row) for row in self._rows(TRASH, _TRASHED_VOLUMES, None)]
        return found + self._caches()

    def measure(self, wanted: Iterable[Known]) -> dict[tuple[str, str], int]:
        """Measure each of *wanted*, keep what was found, and return it by word and name."""
        pending = sorted(wanted, key=lambda each: (each.word, each.measured_at))
        measured: dict[tuple[str, str], int] = {}
        for start in range(0, len(pending), BATCH):
            some = pending[start : start + BATCH]
            for word in dict.fromkeys(each.word for each in some):
                found = self._measured(word, [each for each in some if each.word == word])
                measured.update({(word, name): size for name, size in found.items()})
        return measured

    def measure_some(self, seconds: float) -> int:
        """Measure what is needed, or old, for so many *seconds*; return how many things."""
        end = time.monotonic() + seconds
        oldest = nanoseconds(self._clock.now() - AGE)
        due = [
            each
            for each in self.known()
            if each.is_needed or (each.is_used and each.measured_at < oldest)
        ]
        done = 0
        for each in sorted(due, key=lambda each: (not each.is_needed, each.measured_at)):
            if time.monotonic() > end:
                break
            self.measure([each])
            done += 1
        return done

    def oldest(self) -> datetime | None:
        """Return when that in use was measured whose size is oldest; None where all is at rest."""
        rows = self._database.rows(_OLDEST)
        found = [row["oldest"] for row in rows if row["oldest"]]
        return from_nanoseconds(min(found)) if found else None

    def _measured(self, word: str, wanted: Collection[Known]) -> dict[str, int]:
        counters = self._sizes.begin(word, [each.name for each in wanted])
        for each in wanted:
            if each.mark is not None:
                counters[each.name] = each.mark
            if each.is_used:
                counters[each.name] = IN_USE
        # One that was removed meanwhile has no size.
        sizes = {}
        for each in wanted:
            with suppress(NotFound):
                sizes[each.name] = self._size(word, each.name)
        self._sizes.end(word, sizes, counters)
        return sizes

    def _size(self, word: str, name: str) -> int:
        sources = self._sources
        if word == WRITABLE:
            # A directory that is lost takes nothing; `check` tells of that.
            with suppress(FileNotFoundError):
                return sources.snapshotter.usage(name).bytes
            return 0
        if word == LOG:
            return sources.containers.log_bytes(name)
        if word == VOLUME:
            return measured_bytes(sources.volumes.get(name).directory)
        if word == TRASH:
            return measured_bytes(sources.volumes.trash.locate(name.removeprefix(f"{VOLUME}:")))
        return measured_bytes(sources.paths.build_caches / name)

    def _rows(self, word: str, found: str, names: Collection[str] | None) -> list[Row]:
        statement = _KNOWN.format(found=found)
        if names is None:
            return self._database.rows(statement, (word,))
        rows, wanted = [], tuple(names)
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            marks = ", ".join("?" * len(some))
            rows += self._database.rows(f"{statement} WHERE found.name IN ({marks})", (word, *some))
        return rows

    def _caches(self) -> list[Known]:
        """As `known`, of cache mounts: a build that opens one sets its time."""
        known = self._sizes.all_of(CACHE_MOUNT)
        found = []
        for place in self._sources.builds.cache_places():
            size = known.pop(place.name, None)
            used_at = nanoseconds(place.last_used_at)
            found.append(
                Known(
                    word=CACHE_MOUNT,
                    name=place.name,
                    is_used=place.is_used,
                    bytes=size.bytes if size else None,
                    measured_at=nanoseconds(size.measured_at) if size else 0,
                    is_exact=size is not None and size.mark == used_at,
                    mark=used_at,
                )
            )
        self._sizes.forget(CACHE_MOUNT, known)
        return found


def measured_bytes(path: Path) -> int:
    """
    Return what a directory takes, measured now; 0 where it is gone.

    What is mounted in it is somebody else's: a container's files, while it runs, are those of its
    layers, each of which counts already.
    """
    with suppress(FileNotFoundError, EngineError):
        return measure(path, on_mount=True).bytes
    return 0


def _known(word: str, row: Row) -> Known:
    return Known(
        word=word,
        name=row["name"],
        is_used=bool(row["is_used"]),
        bytes=row["bytes"],
        measured_at=row["measured_at"] or 0,
        is_exact=row["measured"] is not None and row["measured"] == row["changed"],
    )
