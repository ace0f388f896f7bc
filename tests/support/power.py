"""
A machine whose power can be cut: an engine root on a disk of its own.

The disk is a loop-mounted file. Cutting the power is to copy that file at once and without any
sync: what has reached the disk is in it, what was still on its way is not. The copy is then opened
as after a boot, with a run directory that is empty.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.disks import copy_as_after_a_power_cut, make_disk, mounted_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MEGABYTES = 192


@dataclass(frozen=True)
class Cut:
    """What was on the disk when the power went, and what had been *acknowledged* by then."""

    copy: Path
    acknowledged: object


@dataclass
class Machine:
    """An engine on a disk of its own in *place*."""

    place: Path
    engine: Engine
    cuts: list[Cut] = field(default_factory=list)

    def cut(self, acknowledged: object, *, after: float = 0.0) -> None:
        """Cut the power *after* so many seconds; the machine itself goes on."""
        time.sleep(after)
        copy = self.place / f"cut-{len(self.cuts)}.img"
        self.cuts.append(
            Cut(copy_as_after_a_power_cut(self.place / "disk.img", copy), acknowledged)
        )

    def check_all(self, check: Callable[[Engine, object], None]) -> int:
        """Start on each copy and *check* it against what was acknowledged; return how many."""
        for number, cut in enumerate(self.cuts):
            disk = self.place / f"after-{number}"
            with mounted_disk(cut.copy, disk), _opened(disk, self.place / f"r{number}") as engine:
                engine.reconcile()
                check(engine, cut.acknowledged)
            cut.copy.unlink()
        return len(self.cuts)


@contextmanager
def machine(place: Path, *, megabytes: int = MEGABYTES) -> Iterator[Machine]:
    """Switch a machine on in the empty directory *place*."""
    backing = make_disk(place / "disk.img", megabytes=megabytes)
    with mounted_disk(backing, place / "disk") as disk, _opened(disk, place / "run") as engine:
        yield Machine(place, engine)


@contextmanager
def _opened(disk: Path, run: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(disk / "root", run)) as engine:
        yield engine
