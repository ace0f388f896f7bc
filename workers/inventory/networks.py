"""Projecting networks: with who stands in them, they are few, so always all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import events
from dashboard.models import Network
from workers.inventory.rows import Difference, difference, is_worth_publishing, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.engine import Engine
    from engine.networks.record import EndpointRecord, NetworkRecord, PublishedPort


class NetworkProjection:
    """The networks of *engine* as rows of *host*. Call everything under the host's lock."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def sync(self) -> bool:
        """Make the rows of all networks true; return whether that changed anything."""
        networks = self._engine.networks
        wanted = {
            record.id: network_values(record, networks.endpoints_in(record.id))
            for record in networks.list()
        }
        existing = Network.objects.filter(host_id=self._host)
        found = difference(
            Network, existing, wanted, key="network_id", common={"host_id": self._host}
        )
        save(Network, found, next(iter(wanted.values()), {}))
        self._publish(found)
        return bool(found)

    def _publish(self, found: Difference[Network]) -> None:
        if is_worth_publishing(found):
            for row in found.gone:
                events.publish_removed("network", host=self._host, object_id=row.network_id)
            for row in found.touched:
                events.publish_network(row)


def network_values(record: NetworkRecord, endpoints: Sequence[EndpointRecord]) -> dict[str, Any]:
    """Return what the row of *record* should say, with the *endpoints* in it."""
    settings = record.settings
    standing = [each for each in endpoints if each.is_active]
    return {
        "name": record.name,
        "driver": record.driver,
        "is_internal": settings.internal,
        "has_ipv6": settings.enable_ipv6,
        "subnets": [
            {"subnet": str(each.pool), "gateway": str(each.gateway)} for each in record.subnets
        ],
        "options": dict(settings.options),
        "labels": dict(settings.labels),
        "owner": record.owner,
        "created_at": record.created_at,
        "endpoints": [
            {"container": each.container_id, **endpoint_values(each)} for each in standing
        ],
        "endpoint_count": len(standing),
    }


def endpoint_values(endpoint: EndpointRecord) -> dict[str, Any]:
    """Return how a container stands in one network."""
    return {
        "ipv4": endpoint.ipv4,
        "ipv6": endpoint.ipv6,
        "mac": endpoint.mac,
        "aliases": [name for name in endpoint.names if name != endpoint.container_name],
    }


def port_values(port: PublishedPort) -> dict[str, Any]:
    """Return where one port of a container is published."""
    return {
        "host_ip": port.host_ip,
        "host_port": port.host_port,
        "container_port": port.container_port,
        "protocol": port.protocol,
    }
