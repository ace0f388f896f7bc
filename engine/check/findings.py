"""What a check finds, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Damage(enum.StrEnum):
    """What is wrong with a thing."""

    BLOB_MISSING = "blob missing"
    BLOB_CHANGED = "blob changed"
    BLOB_UNOWNED = "blob unowned"
    LAYER_MISSING = "layer missing"
    LAYER_CHANGED = "layer changed"
    LAYER_UNOWNED = "layer unowned"
    INDEX_MISSING = "index missing"
    RECORD_WRONG = "record wrong"
    DIRECTORY_UNOWNED = "directory unowned"
    BUNDLE_MISSING = "bundle missing"
    SNAPSHOT_MISSING = "snapshot missing"
    SNAPSHOT_WRONG = "snapshot wrong"
    CONTAINER_UNOWNED = "container unowned"
    VOLUME_MISSING = "volume missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One damage.

    *subject* is a digest, a chain ID, a container ID, a path or a volume; *detail* says what was
    seen. *outcome* is what a repair did or why it cannot, empty while nobody tried.
    """

    damage: Damage
    subject: str
    detail: str
    outcome: str = ""
    is_repaired: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and the way to repair it, which says what it did; None where there is none."""

    finding: Finding
    repair: Callable[[], str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to, and how much it looked at."""

    findings: tuple[Finding, ...]
    blobs: int
    layers: int
    images: int
    containers: int
    volumes: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.findings
