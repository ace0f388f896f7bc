"""What takes the disk, by kind: the numbers behind the overview's bar."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """
    Bytes on disk, each counted once.

    *shared_layers* are used by several images, *unique_layers* by one, *archives* are the bytes
    that registries have of layers, kept for the next push. *build_cache* is what only the build
    cache holds: layers of no image, and directories of cache mounts; *trash* what only the trash
    does. *logs* are those of containers, removed ones too. *unused* is nobody's: downloads that
    were given up, layers that wait for a sweep. *virtual* is what adding up the virtual sizes of
    all images and containers would say instead of `total`.
    """

    shared_layers: int
    unique_layers: int
    documents: int
    writable_layers: int
    virtual: int
    archives: int = 0
    build_cache: int = 0
    volumes: int = 0
    logs: int = 0
    trash: int = 0
    unused: int = 0
    measured_at: datetime | None = field(default=None, compare=False)

    @property
    def layers(self) -> int:
        """All image layers."""
        return self.shared_layers + self.unique_layers

    @property
    def total(self) -> int:
        """Everything."""
        images = self.layers + self.archives + self.documents
        containers = self.writable_layers + self.volumes + self.logs
        return images + containers + self.build_cache + self.trash + self.unused

    def with_unused(self, total: int) -> Self:
        """Return the usage in which everything up to *total* that is nobody's is unused."""
        return replace(self, unused=total - replace(self, unused=0).total)
