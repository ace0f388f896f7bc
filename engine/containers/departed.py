"""
What removed containers printed, kept for a while: most questions come right after a removal.

Each is a directory `<root>/departed/<container>` with the files of its log and a note. There are a
limited number of them, of a limited age and size together; whoever adds one sweeps. How old and how
large is written beside them, since whichever process removes has to know.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.log_rotation import LogLimits, RotatedLog
from engine.errors import ContainerNotFound, InvalidSetting
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.system.removal import remove_tree

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
SWEPT, LIMITS = "swept", "limits"
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Nothing is added to such a log, so nothing of it makes room.
WHOLE = LogLimits(sys.maxsize, sys.maxsize)


@dataclass(frozen=True, slots=True)
class DepartedLimits:
    """How long the logs of removed containers are kept, and how much of them; 0 keeps none."""

    longest: timedelta = LONGEST
    most_bytes: int = MOST_BYTES

    def __post_init__(self) -> None:
        if self.longest < timedelta():
            raise InvalidSetting("longest", "longest cannot be negative")
        if self.most_bytes < 0:
            raise InvalidSetting("most_bytes", "most_bytes cannot be negative")


@dataclass(frozen=True, slots=True)
class Departed:
    """
    A container that was removed, as far as it is remembered.

    *by* is who is known to have removed it: who had put it into the trash, if it came from there.
    """

    id: str
    name: str
    image: str
    exit_code: int | None
    removed_ns: int
    size: int
    owner: str = ""
    by: str = ""

    @property
    def removed_at(self) -> datetime:
        """When it was removed."""
        return from_nanoseconds(self.removed_ns)


class Departures:
    """The logs of removed containers of one engine."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def add(self, record: ContainerRecord, bundle: Bundle, *, by: str = "") -> None:
        """Keep the log of a container whose directory is about to be removed, if it has one."""
        pieces = RotatedLog(bundle.log, LogLimits.of(record.settings.log)).tend()
        size = sum(each.size for each in pieces)
        limits = self.limits
        if not size or size > limits.most_bytes or not limits.longest:
            return
        note = Departed(
            record.id,
            record.name,
            record.image_reference,
            record.exit_code,
            nanoseconds(self._clock.now()),
            size,
            record.owner,
            by,
        )
        # A full disk must not keep anybody from removing.
        with suppress(OSError):
            self._move(note, pieces)

    @property
    def limits(self) -> DepartedLimits:
        """How long they are kept, and how much of them."""
        try:
            told = json.loads((self._directory / LIMITS).read_bytes())
            return DepartedLimits(timedelta(seconds=told["seconds"]), told["bytes"])
        except (OSError, ValueError, KeyError, TypeError, InvalidSetting):
            return DepartedLimits(LONGEST, MOST_BYTES)

    def keep_within(self, limits: DepartedLimits) -> None:
        """Have *limits* hold from now on, whichever process removes, and forget what is over."""
        if limits != self.limits:
            self._directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            told = {"seconds": limits.longest.total_seconds(), "bytes": limits.most_bytes}
            aside = self._directory / f"{LIMITS}.new"
            aside.write_text(json.dumps(told))
            aside.rename(self._directory / LIMITS)
        self.sweep()

    def _move(self, note: Departed, pieces: Sequence[Piece]) -> None:
        place = self._directory / note.id
        place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        # First: what has no note is swept.
        (place / "note.new").write_text(json.dumps(asdict(note)))
        (place / "note.new").rename(place / "note")
        for each in pieces:
            each.path.rename(place / each.path.name)
        self._sweep_now_and_then(note.size)

    def list(self) -> tuple[Departed, ...]:
        """Return those that are remembered, the last removed first."""
        found = [note for each in self._places() if (note := _note(each)) is not None]
        return tuple(sorted(found, key=lambda each: -each.removed_ns))

    def open(self, text: str) -> tuple[Departed, RotatedLog]:
        """Return the last removed that was called *text*, or has that ID, and its log."""
        for each in self.list():
            if text and (each.name == text or each.id.startswith(text)):
                return each, self._log(each)
        raise ContainerNotFound(text)

    def find(self, container_id: str) -> tuple[Departed, RotatedLog] | None:
        """Return the removed container of that whole ID and its log, or None."""
        note = _note(self._directory / container_id) if _ID.fullmatch(container_id) else None
        return (note, self._log(note)) if note else None

    def _log(self, note: Departed) -> RotatedLog:
        return RotatedLog(self._directory / note.id / "container.log", WHOLE)

    def _sweep_now_and_then(self, size: int) -> None:
        mark = self._directory / SWEPT
        now = self._clock.now().timestamp()
        if size < LARGE and mark.exists() and now - mark.stat().st_mtime < SWEEP_SECONDS:
            return
        mark.touch()
        self.sweep()

    def sweep(self) -> None:
        """Forget what is too old, too many or too large; the oldest go first."""
        limits = self.limits
        oldest = nanoseconds(self._clock.now() - limits.longest)
        kept, size = set(), 0
        for number, each in enumerate(self.list()):
            size += each.size
            if number >= MOST or size > limits.most_bytes or each.removed_ns <= oldest:
                break
            kept.add(each.id)
        for place in self._places():
            if place.name not in kept:
                remove_tree(place)

    def _places(self) -> Iterator[Path]:
        if self._directory.exists():
            for each in self._directory.iterdir():
                if each.is_dir():
                    yield each


def _note(place: Path) -> Departed | None:
    try:
        return Departed(**json.loads((place / "note").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
