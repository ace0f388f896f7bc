"""
An engine without a kernel: real records of images and real events, containers that only pretend.

What workers see of it behaves as the real one does: same records, same errors, same events.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.events import SCHEMA as EVENTS_SCHEMA
from engine.events import EventLog
from engine.images.schema import SCHEMA as IMAGES_SCHEMA
from engine.ledger import Survey, usage_of
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from tests.support.fakes_engine.containers import FakeContainers
from tests.support.fakes_engine.images import FakeImages
from tests.support.fakes_engine.networks import FakeNetworks, FakeVolumes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.ledger import DiskUsage

__all__ = [
    "FakeEngine",
    "fake_engine",
]


@dataclass
class FakeBuilds:
    """Holds the layers that a test says."""

    held: dict[str, int] = field(default_factory=dict)

    def held_layers(self) -> dict[str, int]:
        return dict(self.held)


class FakeCleanup:
    """Pins, and nothing that could be pinned."""

    def __init__(self) -> None:
        self.pins: set[str] = set()

    def pin(self, subject: str, *, owner: str = "") -> None:
        self.pins.add(subject)

    def unpin(self, subject: str) -> None:
        self.pins.discard(subject)

    def pinned(self) -> frozenset[str]:
        return frozenset(self.pins)


class FakeEngine:
    """What workers are given for an engine."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = Database(directory / "engine.db", [EVENTS_SCHEMA, IMAGES_SCHEMA])
        self.events = EventLog(self.database, directory / "events", SYSTEM_CLOCK)
        (directory / "events").touch()
        self.images = FakeImages(self)
        self.containers = FakeContainers(self)
        self.networks = FakeNetworks(self)
        self.volumes = FakeVolumes(self)
        self.builds = FakeBuilds()
        self.cleanup = FakeCleanup()
        self.reconciled = 0

    def reconcile(self) -> None:
        self.reconciled += 1

    def disk(self) -> DiskUsage:
        return usage_of(
            Survey(
                images=tuple(self.images.list()),
                containers=tuple(self.containers.list()),
                writable=self.containers.sizes,
                volumes=self.volumes.sizes,
            )
        )

    def close(self) -> None:
        self.database.close()


@contextmanager
def fake_engine(directory: Path) -> Iterator[FakeEngine]:
    """Yield an engine over *directory* that is closed afterwards."""
    engine = FakeEngine(directory)
    try:
        yield engine
    finally:
        engine.close()
