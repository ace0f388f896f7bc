"""The disk of a host as one bar: what we hold, what others hold, what is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import template

if TYPE_CHECKING:
    from dashboard.models import Host

register = template.Library()

_FACT_NAMES = {
    "cgroup_layout": "cgroup layout",
    "cpus": "CPUs",
    "os": "Operating system",
    "storage_driver": "Snapshots",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of the bar and its line in the legend."""

    tone: str
    label: str
    size: int


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes by what they are. Their sum is the disk; each layer stands in it once."""

    total: int
    free: int
    shared: int
    unique: int
    writable: int
    virtual_sum: int
    archives: int = 0
    volumes: int = 0
    build_cache: int = 0

    @property
    def layers_and_writable(self) -> int:
        """What adding up virtual sizes means to say."""
        return self.shared + self.unique + self.archives + self.writable

    @property
    def ours(self) -> int:
        """What images, containers, volumes and the build cache really take."""
        return self.layers_and_writable + self.volumes + self.build_cache

    @property
    def other(self) -> int:
        """What everything else on the same disk takes."""
        return max(0, self.total - self.free - self.ours)

    @property
    def is_worth_comparing(self) -> bool:
        """Whether adding up virtual sizes would be visibly wrong."""
        return self.virtual_sum > 1.05 * self.layers_and_writable > 0

    @property
    def legend(self) -> tuple[Part, ...]:
        """The segments, in the order of the bar."""
        parts = (
            Part("shared", "Layers shared by images", self.shared),
            Part("unique", "Layers of one image" if self.shared else "Image layers", self.unique),
            Part("archive", "Archives of layers, for pushing", self.archives),
            Part("writable", "Writable layers", self.writable),
            Part("volume", "Volumes", self.volumes),
            Part("cache", "Build cache", self.build_cache),
            Part("other", "Other files", self.other),
            Part("free", "Free", self.free),
        )
        return tuple(part for part in parts if part.size or part.tone in {"writable", "free"})


@register.simple_tag
def disk_of(host: Host) -> Disk:
    """Return the disk of *host* as its agent last measured it."""
    told = host.disk
    layers = _bytes(told, "layers") or host.layer_bytes
    shared = min(layers, _bytes(told, "layers_shared"))
    return Disk(
        total=_bytes(told, "total"),
        free=_bytes(told, "free"),
        shared=shared,
        unique=layers - shared,
        writable=_bytes(told, "writable"),
        virtual_sum=_bytes(told, "virtual_sum") or host.virtual_bytes,
        archives=_bytes(told, "archives"),
        volumes=host.volume_bytes,
        build_cache=_bytes(told, "build_cache"),
    )


@register.filter
def fact_name(name: str) -> str:
    """Return the name of a fact in words: `kernel_version` becomes `Kernel version`."""
    return _FACT_NAMES.get(name, name.replace("_", " ").capitalize())


@register.filter
def fact(value: Any) -> str:
    """Return a fact's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{fact_name(key).lower()}: {fact(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(fact(item) for item in value) or "none"
    return "unknown" if value in {None, ""} else str(value)


def _bytes(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    return max(0, int(value)) if isinstance(value, int | float) else 0
