"""Networks, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.db.models import F, Q

from dashboard.errors import NetworkUnknown
from dashboard.models import Container, Network
from dashboard.models.network import BUILT_IN
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

SORTS = {
    "name": (F("name").asc(), "id"),
    "-name": (F("name").desc(), "-id"),
    "-created": (F("created_at").desc(), "-id"),
    "created": (F("created_at").asc(), "id"),
    "-users": (F("endpoint_count").desc(), "-id"),
    "users": (F("endpoint_count").asc(), "id"),
}
SHOWN = ("used", "unused", "own")
CONTAINERS_OFFERED = 300


@dataclass(frozen=True, slots=True)
class NetworkFilter:
    """Which networks a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    show: str = ""
    sort: str = "name"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            show=choice_in(query, "show", SHOWN, ""),
            sort=choice_in(query, "sort", SORTS, "name"),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.show))


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


def networks(chosen: NetworkFilter) -> Page[Network]:
    """Return the page of networks that *chosen* describes."""
    found = rows().filter(_matching(chosen)).order_by(*SORTS[chosen.sort])
    return page_of(found, number=chosen.page)


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


def _matching(chosen: NetworkFilter) -> Q:
    wanted = Q(host_id=chosen.host) if chosen.host else Q()
    if chosen.show == "used":
        wanted &= Q(endpoint_count__gt=0)
    elif chosen.show == "unused":
        wanted &= Q(endpoint_count=0) & ~Q(name__in=BUILT_IN)
    elif chosen.show == "own":
        wanted &= ~Q(name__in=BUILT_IN)
    if chosen.text:
        wanted &= Q(name__icontains=chosen.text) | Q(network_id__startswith=chosen.text)
    return wanted
