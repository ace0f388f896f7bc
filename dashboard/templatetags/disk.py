"""Template tags for hosts: their disks and the facts about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from dashboard.selectors import disk

if TYPE_CHECKING:
    from dashboard.models import Host

register = template.Library()

_FACT_NAMES = {
    "cgroup_layout": "cgroup layout",
    "cpus": "CPUs",
    "os": "Operating system",
    "storage_driver": "Snapshots",
}


@register.simple_tag
def disk_of(host: Host) -> disk.Disk:
    """Return the disk of *host* as its agent last measured it."""
    return disk.disk_of(host)


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
