"""
What removed containers printed, kept for a while: most questions come right after a removal.

Each is a directory `<root>/departed/<container>` with the files of its log and a note. There are a
limited number of them, of a limited age and size together; whoever adds one sweeps.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.log_rotation import LogLimits, RotatedLog
from engine.errors import ContainerNotFound
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.containers.bundle import Bundle
    from engine.containers.log_rotation import Piece
    from engine.containers.record import ContainerRecord
    from engine.system.clock import Clock

PRIVATE = 0o700
MOST = 200
MOST_BYTES = 256 << 20
LONGEST = timedelta(hours=24)
# Small ones are not worth looking through all at each removal.
LARGE, SWEEP_SECONDS = 1 << 20, 60
SWEPT = "swept"


@dataclass(frozen=True, slots=True)
class Departed:
    """A container that was removed, as far as it is remembered."""

    id: str
    name: str
    image: str
    exit_code: int | None
    removed_ns: int
    size: int

    @property
    def removed_at(self) -> datetime:
        """When it was removed."""
        return from_nanoseconds(self.removed_ns)


class Departures:
    """The logs of removed containers of one engine."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def add(self, record: ContainerRecord, bundle: Bundle) -> None:
        """Keep the log of a container whose directory is about to be removed, if it has one."""
        pieces = RotatedLog(bundle.log, LogLimits.of(record.settings.log)).tend()
        size = sum(each.size for each in pieces)
        if not size:
            return
        # A full disk must not keep anybody from removing.
        with suppress(OSError):
            self._move(record, pieces, size)

    def _move(self, record: ContainerRecord, pieces: Sequence[Piece], size: int) -> None:
        place = self._directory / record.id
        place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        # First: what has no note is swept.
        note = Departed(
            record.id,
            record.name,
            record.image_reference,
            record.exit_code,
            nanoseconds(self._clock.now()),
            size,
        )
        (place / "note.new").write_text(json.dumps(asdict(note)))
        (place / "note.new").rename(place / "note")
        for each in pieces:
            each.path.rename(place / each.path.name)
        self._sweep_now_and_then(size)

    def list(self) -> tuple[Departed, ...]:
        """Return those that are remembered, the last removed first."""
        found = [note for each in self._places() if (note := _note(each)) is not None]
        return tuple(sorted(found, key=lambda each: -each.removed_ns))

    def open(self, text: str) -> tuple[Departed, RotatedLog]:
        """Return the last removed that was called *text*, or has that ID, and its log."""
        for each in self.list():
            if text and (each.name == text or each.id.startswith(text)):
                return each, RotatedLog(self._directory / each.id / "container.log")
        raise ContainerNotFound(text)

    def _sweep_now_and_then(self, size: int) -> None:
        mark = self._directory / SWEPT
        now = self._clock.now().timestamp()
        if size < LARGE and mark.exists() and now - mark.stat().st_mtime < SWEEP_SECONDS:
            return
        mark.touch()
        self.sweep()

    def sweep(self) -> None:
        """Forget what is too old, too many or too large; the oldest go first."""
        oldest = nanoseconds(self._clock.now() - LONGEST)
        kept, size = set(), 0
        for number, each in enumerate(self.list()):
            size += each.size
            if number >= MOST or size > MOST_BYTES or each.removed_ns < oldest:
                break
            kept.add(each.id)
        for place in self._places():
            if place.name not in kept and place.name != SWEPT:
                remove_tree(place)

    def _places(self) -> Iterator[Path]:
        if self._directory.exists():
            yield from self._directory.iterdir()


def _note(place: Path) -> Departed | None:
    try:
        return Departed(**json.loads((place / "note").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
