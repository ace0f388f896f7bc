"""Hosts, and what the overview says about all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.errors import HostNotFound
from dashboard.models import AuditEntry, Host
from dashboard.selectors.activity import recent_activity
from dashboard.selectors.jobs import active_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Job


@dataclass(frozen=True, slots=True)
class Totals:
    """The team's counts and sums: those of the hosts, added up."""

    images: int
    dangling: int
    dangling_bytes: int
    containers: int
    running: int
    stopped: int
    stopped_bytes: int
    layer_bytes: int
    virtual_bytes: int
    volumes: int
    unused_volumes: int
    volume_bytes: int
    networks: int

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> Totals:
        """Return the totals of *hosts*."""
        return cls(
            images=sum(host.image_count for host in hosts),
            dangling=sum(host.dangling_count for host in hosts),
            dangling_bytes=sum(host.dangling_bytes for host in hosts),
            containers=sum(host.container_count for host in hosts),
            running=sum(host.running_count for host in hosts),
            stopped=sum(host.stopped_count for host in hosts),
            stopped_bytes=sum(host.stopped_bytes for host in hosts),
            layer_bytes=sum(host.layer_bytes for host in hosts),
            virtual_bytes=sum(host.virtual_bytes for host in hosts),
            volumes=sum(host.volume_count for host in hosts),
            unused_volumes=sum(host.unused_volume_count for host in hosts),
            volume_bytes=sum(host.volume_bytes for host in hosts),
            networks=sum(host.network_count for host in hosts),
        )

    @property
    def reclaimable_bytes(self) -> int:
        """What cleaning up untagged images and stopped containers would free now."""
        return self.dangling_bytes + self.stopped_bytes


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows."""

    hosts: tuple[Host, ...]
    totals: Totals
    active_jobs: tuple[Job, ...]
    activity: tuple[AuditEntry, ...]

    @property
    def has_several_hosts(self) -> bool:
        """Whether a sum is made of parts worth telling."""
        return len(self.hosts) > 1

    @property
    def is_empty(self) -> bool:
        """Whether nobody has done anything yet: the page then offers the three first steps."""
        return not (self.totals.images or self.totals.containers)


def hosts() -> tuple[Host, ...]:
    """Return every host, by name."""
    return tuple(Host.objects.order_by("name"))


def find_host(name: str) -> Host | None:
    """Return the host of that name, or None."""
    return Host.objects.filter(name=name).first()


def get_host(name: str) -> Host:
    """Return the host of that name; raise `HostNotFound`."""
    host = find_host(name)
    if host is None:
        raise HostNotFound(name)
    return host


def overview() -> Overview:
    """Return what the first page shows, in three queries."""
    found = hosts()
    return Overview(found, Totals.of(found), active_jobs(), recent_activity())
