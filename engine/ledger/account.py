"""The ledger held against the file system: what the records say, and what du(1) would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ledger.disk import DiskUsage

# Directories, and what changed between two looks, are in no record.
TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Account:
    """
    What an engine root takes.

    *usage* is the ledger's; *places* are bytes of what belongs to nobody in it: records, bundles,
    work that is going on. *measured* is what the file system gave up for the whole root.
    """

    usage: DiskUsage
    places: Mapping[str, int]
    measured: int

    @property
    def told(self) -> int:
        """The bytes that ledger and places tell of."""
        return self.usage.total + sum(self.places.values())

    @property
    def unexplained(self) -> int:
        """The bytes that the file system knows of and nothing here, negative for the opposite."""
        return self.measured - self.told

    @property
    def difference(self) -> float:
        """What is unexplained as a share of what the file system knows of."""
        return self.unexplained / self.measured if self.measured else 0.0

    @property
    def adds_up(self) -> bool:
        """Whether both say the same, within a hundredth."""
        return abs(self.unexplained) <= TOLERANCE * self.measured
