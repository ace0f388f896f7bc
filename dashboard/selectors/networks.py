"""Networks, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Q

from dashboard.errors import NetworkUnknown
from dashboard.models import Container, Network
from dashboard.models.network import BUILT_IN
from dashboard.selectors.lists import Listing, falling, one_of, rising, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

CONTAINERS_OFFERED = 300


@dataclass(frozen=True, slots=True)
class Connection:
    """A container in a network, with its addresses there."""

    container_id: str
    name: str
    container: Container | None
    ipv4: str
    ipv6: str
    mac: str
    aliases: tuple[str, ...]

    @classmethod
    def of(cls, endpoint: Mapping[str, Any], containers: Mapping[str, Container]) -> Self:
        """Return the connection that *endpoint* is."""
        container_id = str(endpoint.get("container", ""))
        container = containers.get(container_id)
        return cls(
            container_id,
            container.name if container else container_id[:12],
            container,
            endpoint.get("ipv4", ""),
            endpoint.get("ipv6", ""),
            endpoint.get("mac", ""),
            tuple(endpoint.get("aliases", ())),
        )


def rows() -> QuerySet[Network]:
    """Return networks with all that a row shows, for pages and pushes alike."""
    return Network.objects.select_related("host")


NETWORKS = Listing(
    rows,
    filters={
        "host": where("host_id"),
        "show": one_of(
            {
                "used": Q(endpoint_count__gt=0),
                "unused": Q(endpoint_count=0) & ~Q(name__in=BUILT_IN),
                "own": ~Q(name__in=BUILT_IN),
            }
        ),
        "q": where("name__icontains", "network_id__startswith"),
    },
    orders={
        "name": rising("name"),
        "-name": falling("name"),
        "-created": falling("created_at"),
        "created": rising("created_at"),
        "-users": falling("endpoint_count"),
        "users": rising("endpoint_count"),
    },
)


def network_detail(host: str, network_id: str) -> Network:
    """Return the network of that whole ID on *host*; raise `NetworkUnknown`."""
    found = rows().filter(host_id=host, network_id=network_id).first()
    if found is None:
        raise NetworkUnknown(network_id[:64])
    return found


def connections(network: Network) -> tuple[Connection, ...]:
    """Return who is connected to *network*, by name."""
    ids = [endpoint.get("container", "") for endpoint in network.endpoints]
    found = Container.objects.filter(host_id=network.host_id, container_id__in=ids)
    containers = {row.container_id: row for row in found.defer("settings")}
    connected = (Connection.of(endpoint, containers) for endpoint in network.endpoints)
    return tuple(sorted(connected, key=lambda each: each.name))


def connectable(network: Network) -> tuple[Container, ...]:
    """Return the containers of the host that are not connected to *network* yet."""
    ids = [endpoint.get("container", "") for endpoint in network.endpoints]
    found = Container.objects.filter(host_id=network.host_id).exclude(container_id__in=ids)
    return tuple(found.defer("settings").order_by("name")[:CONTAINERS_OFFERED])


def network_names(host: str, *, limit: int) -> tuple[Network, ...]:
    """Return the networks of *host*, for choosing one."""
    return tuple(Network.objects.filter(host_id=host).order_by("name")[:limit])


def find_network_row(pk: int) -> Network | None:
    """Return one network as lists show it, or None."""
    return rows().filter(pk=pk).first()
