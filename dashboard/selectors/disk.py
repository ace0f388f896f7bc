"""
The disk of a host as one bar: what the engine holds, what others hold, what is free.

Pure over what the host's agent told. The parts always add up to the disk, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.models import Host

# What a part is called in the legend, in the order of the bar.
LABELS = {
    "shared": "Layers shared by images",
    "unique": "Layers of one image",
    "writable": "Writable layers",
    "volume": "Volumes",
    "cache": "Build cache",
    "archive": "Archives of layers, for pushing",
    "trash": "Trash",
    "logs": "Logs",
    "unused": "Left over, for the next sweep",
    "other": "Other files",
    "free": "Free",
}
ALWAYS_TOLD = frozenset({"writable", "free"})
WORTH_TELLING = 1.05


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of the bar and its line in the legend."""

    tone: str
    size: int

    @property
    def label(self) -> str:
        """What it is, in words."""
        return LABELS[self.tone]


@dataclass(frozen=True, slots=True)
class Disk:
    """
    Bytes by what they are; each layer stands in them once.

    The sum of *parts* is *total*. *counted* is what images and containers really take and
    *virtual_sum* what adding up their virtual sizes would say. *excess* is what the engine counted
    beyond what the file system has in use, because both were measured at different moments; it
    stands in no part. *measured_at* is when what changes by itself was measured.
    """

    total: int
    parts: tuple[Part, ...]
    counted: int
    virtual_sum: int
    excess: int = 0
    measured_at: datetime | None = None

    @property
    def free(self) -> int:
        """What nothing takes."""
        return sum(part.size for part in self.parts if part.tone == "free")

    @property
    def is_worth_comparing(self) -> bool:
        """Whether adding up virtual sizes would be visibly wrong."""
        return self.virtual_sum > WORTH_TELLING * self.counted > 0

    @property
    def legend(self) -> tuple[Part, ...]:
        """The segments that say something."""
        return tuple(part for part in self.parts if part.size or part.tone in ALWAYS_TOLD)


def disk_of(host: Host) -> Disk:
    """Return the disk of *host* as its agent last measured it."""
    told = host.disk
    layers = _bytes(told, "layers") or host.layer_bytes
    shared = min(layers, _bytes(told, "layers_shared"))
    archives = _bytes(told, "archives") + _bytes(told, "documents")
    held = (
        Part("shared", shared),
        Part("unique", layers - shared),
        Part("writable", _bytes(told, "writable")),
        Part("volume", _bytes(told, "volumes") if "volumes" in told else host.volume_bytes),
        Part("cache", _bytes(told, "build_cache")),
        Part("archive", archives),
        Part("trash", _bytes(told, "trash")),
        Part("logs", _bytes(told, "logs")),
        Part("unused", _bytes(told, "unused")),
    )
    total, free = _bytes(told, "total"), _bytes(told, "free")
    used = max(0, total - free) if total else sum(part.size for part in held)
    parts, other, excess = _within(held, used)
    return Disk(
        total=total,
        parts=(*parts, Part("other", other), Part("free", min(free, total))),
        counted=layers + archives + _bytes(told, "writable"),
        virtual_sum=_bytes(told, "virtual_sum") or host.virtual_bytes,
        excess=excess,
        measured_at=_moment(told.get("measured_at")),
    )


def _within(held: Iterable[Part], used: int) -> tuple[list[Part], int, int]:
    """Return *held* cut to what is in *used*, what of that is nobody's here, and what was cut."""
    parts, left, excess = [], used, 0
    for part in held:
        size = min(part.size, left)
        parts.append(Part(part.tone, size))
        left -= size
        excess += part.size - size
    return parts, left, excess


def _bytes(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return max(0, int(value)) if isinstance(value, int | float) else 0


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
