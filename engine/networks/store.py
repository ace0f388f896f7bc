"""
The records of networks, endpoints and published ports.

Every write joins the transaction that is open, so that what is handed out is handed out once.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from engine.errors import AmbiguousID, EndpointExists, NetworkExists, NetworkNotFound
from engine.networks.record import EndpointRecord, NetworkRecord, PublishedPort, Subnet
from engine.networks.settings import NetworkSettings
from engine.oci.timestamps import from_nanoseconds, nanoseconds
from engine.settings.network import Endpoint
from engine.settings.reading import read_value, write_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.networks.pools import Address
    from engine.system.database import Database, Row

_ID_PREFIX = re.compile(r"[0-9a-f]{1,64}", re.ASCII)


class NetworkStore:
    """The networks of one engine root, as records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def engine_id(self) -> str:
        """Return the random ID of the engine whose records these are; it never changes."""
        row = self._database.row("SELECT engine_id FROM network_owner")
        assert row is not None
        return str(row["engine_id"])

    # --- Networks -----------------------------------------------------------------------------

    def insert(self, record: NetworkRecord) -> None:
        """Add a network; raise `NetworkExists` where another has its name."""
        with self._database.write() as transaction:
            if self.find_by_name(record.name) is not None:
                raise NetworkExists(record.name)
            transaction.execute(
                "INSERT INTO networks (id, name, settings, bridge, subnets, created_at, owner)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.name,
                    json.dumps(record.settings.to_json()),
                    record.bridge,
                    json.dumps([each.to_json() for each in record.subnets]),
                    nanoseconds(record.created_at),
                    record.owner,
                ),
            )

    def delete(self, network_id: str) -> None:
        """Remove a network; one that is not there is fine."""
        with self._database.write() as transaction:
            transaction.execute("DELETE FROM networks WHERE id = ?", (network_id,))

    def find_by_name(self, name: str) -> NetworkRecord | None:
        """Return the network of exactly that name, or None."""
        row = self._database.row("SELECT * FROM networks WHERE name = ?", (name,))
        return _network(row) if row else None

    def get(self, text: str) -> NetworkRecord:
        """
        Return the network that *text* means: a name, an ID, or the beginning of an ID.

        Raises `NetworkNotFound` or `AmbiguousID`.
        """
        row = self._database.row(
            "SELECT * FROM networks WHERE name = ?1 OR id = ?1 ORDER BY id = ?1 DESC", (text,)
        )
        if row is None and _ID_PREFIX.fullmatch(text):
            row = self._by_prefix(text)
        if row is None:
            raise NetworkNotFound(text)
        return _network(row)

    def list_networks(self) -> list[NetworkRecord]:
        """Return every network, by name."""
        return [
            _network(row) for row in self._database.rows("SELECT * FROM networks ORDER BY name")
        ]

    def last_address(self, network: NetworkRecord, version: int) -> str:
        """Return the address that was handed out last, or nothing."""
        row = self._database.row(
            "SELECT last_ipv4, last_ipv6 FROM networks WHERE id = ?", (network.id,)
        )
        return str(row[f"last_ipv{version}"]) if row else ""

    def note_address(self, network: NetworkRecord, address: Address) -> None:
        """Note *address* as the one that was handed out last."""
        column = "last_ipv4" if address.version == 4 else "last_ipv6"
        with self._database.write() as transaction:
            transaction.execute(
                f"UPDATE networks SET {column} = ? WHERE id = ?",  # noqa: S608
                (str(address), network.id),
            )

    def _by_prefix(self, prefix: str) -> Row | None:
        # Every digit sorts before g, so this is a range of the primary key.
        found = self._database.rows(
            "SELECT * FROM networks WHERE id >= ? AND id < ? LIMIT 2", (prefix, f"{prefix}g")
        )
        if len(found) > 1:
            raise AmbiguousID(prefix, field="network")
        return found[0] if found else None

    # --- Endpoints ----------------------------------------------------------------------------

    def insert_endpoint(self, endpoint: EndpointRecord) -> None:
        """Add an endpoint; raise `EndpointExists` where the container stands there already."""
        with self._database.write() as transaction:
            if self.find_endpoint(endpoint.container_id, endpoint.network) is not None:
                raise EndpointExists(endpoint.container_name, network=endpoint.network)
            transaction.execute(
                "INSERT INTO endpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    endpoint.container_id,
                    endpoint.network,
                    endpoint.container_name,
                    endpoint.position,
                    json.dumps(write_value(endpoint.settings)),
                    *_changing(endpoint),
                ),
            )

    def save_endpoint(self, endpoint: EndpointRecord) -> None:
        """Write what changes about an endpoint when it becomes active or rests."""
        with self._database.write() as transaction:
            transaction.execute(
                "UPDATE endpoints SET names = ?, id = ?, ipv4 = ?, ipv6 = ?, mac = ?, link = ?,"
                " servers = ?, container_name = ? WHERE container_id = ? AND network = ?",
                (
                    *_changing(endpoint),
                    endpoint.container_name,
                    endpoint.container_id,
                    endpoint.network,
                ),
            )

    def delete_endpoint(self, container_id: str, network: str) -> None:
        """Remove an endpoint; one that is not there is fine."""
        with self._database.write() as transaction:
            transaction.execute(
                "DELETE FROM endpoints WHERE container_id = ? AND network = ?",
                (container_id, network),
            )

    def find_endpoint(self, container_id: str, network: str) -> EndpointRecord | None:
        """Return the container's endpoint in the network of that name, or None."""
        row = self._database.row(
            "SELECT * FROM endpoints WHERE container_id = ? AND network = ?",
            (container_id, network),
        )
        return _endpoint(row) if row else None

    def endpoints_of(self, container_id: str) -> list[EndpointRecord]:
        """Return the endpoints of a container, in the order of its interfaces."""
        rows = self._database.rows(
            "SELECT * FROM endpoints WHERE container_id = ? ORDER BY position", (container_id,)
        )
        return [_endpoint(row) for row in rows]

    def endpoints_in(self, network: str) -> list[EndpointRecord]:
        """Return the active endpoints of the network of that name."""
        rows = self._database.rows(
            "SELECT * FROM endpoints WHERE network = ? AND id != '' ORDER BY container_id",
            (network,),
        )
        return [_endpoint(row) for row in rows]

    def active_endpoints(self) -> list[EndpointRecord]:
        """Return every active endpoint."""
        rows = self._database.rows(
            "SELECT * FROM endpoints WHERE id != '' ORDER BY container_id, position"
        )
        return [_endpoint(row) for row in rows]

    def list_members(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the networks of every container, by its ID."""
        members: dict[str, tuple[str, ...]] = {}
        for row in self._database.rows(
            "SELECT container_id, network FROM endpoints ORDER BY container_id, position"
        ):
            members[row["container_id"]] = (*members.get(row["container_id"], ()), row["network"])
        return members

    def used_networks(self) -> set[str]:
        """Return the names of the networks in which a container stands, running or not."""
        return {row["network"] for row in self._database.rows("SELECT network FROM endpoints")}

    def enrolled(self) -> set[str]:
        """Return the IDs of the containers that have endpoints or published ports."""
        rows = self._database.rows(
            "SELECT container_id FROM endpoints UNION SELECT container_id FROM published_ports"
        )
        return {row["container_id"] for row in rows}

    def active_among(self, container_ids: Iterable[str]) -> set[str]:
        """Return those of the containers that have addresses or published ports."""
        rows = self._database.rows(
            "WITH wanted (container_id) AS (SELECT value FROM json_each(?))"
            " SELECT container_id FROM wanted JOIN endpoints USING (container_id) WHERE id != ''"
            " UNION SELECT container_id FROM wanted JOIN published_ports USING (container_id)",
            (json.dumps(list(container_ids)),),
        )
        return {row["container_id"] for row in rows}

    def forget_each(self, container_ids: Iterable[str]) -> None:
        """Forget the endpoints and published ports of several containers."""
        wanted = (json.dumps(list(container_ids)),)
        with self._database.write() as transaction:
            for table in ("endpoints", "published_ports"):
                transaction.execute(
                    f"DELETE FROM {table}"  # noqa: S608
                    " WHERE container_id IN (SELECT value FROM json_each(?))",
                    wanted,
                )

    # --- Published ports ----------------------------------------------------------------------

    def insert_port(self, container_id: str, port: PublishedPort) -> None:
        """Add a published port; nobody else may have it."""
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT INTO published_ports VALUES (?, ?, ?, ?, ?)",
                (port.protocol, port.host_port, port.host_ip, container_id, port.container_port),
            )

    def delete_ports(self, container_id: str) -> None:
        """Forget the published ports of a container."""
        with self._database.write() as transaction:
            transaction.execute(
                "DELETE FROM published_ports WHERE container_id = ?", (container_id,)
            )

    def ports_of(self, container_id: str) -> list[PublishedPort]:
        """Return the published ports of a container, sorted."""
        rows = self._database.rows(
            "SELECT * FROM published_ports WHERE container_id = ?", (container_id,)
        )
        return sorted(_port(row) for row in rows)

    def list_ports(self) -> list[tuple[str, PublishedPort]]:
        """Return every published port with the ID of its container."""
        rows = self._database.rows(
            "SELECT * FROM published_ports ORDER BY protocol, host_port, host_ip"
        )
        return [(row["container_id"], _port(row)) for row in rows]

    def holders_of(self, protocol: str, host_port: int) -> Sequence[tuple[str, PublishedPort]]:
        """Return who has *host_port* published at any address."""
        rows = self._database.rows(
            "SELECT * FROM published_ports WHERE protocol = ? AND host_port = ?",
            (protocol, host_port),
        )
        return [(row["container_id"], _port(row)) for row in rows]


def _changing(endpoint: EndpointRecord) -> tuple[object, ...]:
    return (
        json.dumps(endpoint.names),
        endpoint.id,
        endpoint.ipv4,
        endpoint.ipv6,
        endpoint.mac,
        endpoint.link,
        json.dumps(endpoint.servers),
    )


def _network(row: Row) -> NetworkRecord:
    return NetworkRecord(
        id=row["id"],
        settings=NetworkSettings.from_json(json.loads(row["settings"])),
        bridge=row["bridge"],
        subnets=tuple(Subnet.from_json(each) for each in json.loads(row["subnets"])),
        created_at=from_nanoseconds(row["created_at"]),
        owner=row["owner"],
    )


def _endpoint(row: Row) -> EndpointRecord:
    return EndpointRecord(
        container_id=row["container_id"],
        container_name=row["container_name"],
        network=row["network"],
        position=row["position"],
        settings=read_value(Endpoint, json.loads(row["settings"])),
        names=tuple(json.loads(row["names"])),
        id=row["id"],
        ipv4=row["ipv4"],
        ipv6=row["ipv6"],
        mac=row["mac"],
        link=row["link"],
        servers=tuple(json.loads(row["servers"])),
    )


def _port(row: Row) -> PublishedPort:
    return PublishedPort(
        container_port=row["container_port"],
        protocol=row["protocol"],
        host_ip=row["host_ip"],
        host_port=row["host_port"],
    )
