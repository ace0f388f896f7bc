"""
Handing out subnets and addresses: the records decide, inside the transaction that is open.

Whatever is chosen here is recorded in the same transaction, so no two processes choose the same.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import NetworkNotFound, PoolOverlaps
from engine.networks.pools import (
    check_address,
    choose_ipv4_pool,
    choose_ipv6_pool,
    first_host,
    mac_for,
    next_address,
    overlaps_any,
)
from engine.networks.record import Subnet

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.networks.pools import Address, Pool
    from engine.networks.record import EndpointRecord, NetworkRecord
    from engine.networks.settings import IpamPool, NetworkSettings
    from engine.networks.store import NetworkStore

ID_BYTES = 32
LINK_BYTES = 3


def choose_subnets(
    settings: NetworkSettings,
    store: NetworkStore,
    *,
    list_taken: Callable[[], list[Pool]],
    seed: str,
) -> tuple[Subnet, ...]:
    """
    Return the subnets of a new network: those that it asks for, and free ones for the rest.

    What is asked for must overlap no other network (`PoolOverlaps`); what is chosen also keeps
    clear of all that *list_taken* says the host has.
    """
    known = [each.pool for network in store.list_networks() for each in network.subnets]
    subnets = [_asked_for(each, known) for each in settings.ipam if each.subnet]
    versions = {each.version for each in subnets}
    if 4 not in versions:
        taken = [*known, *list_taken()]
        subnets.insert(0, _whole(choose_ipv4_pool(taken)))
    if settings.enable_ipv6 and 6 not in versions:
        subnets.append(_whole(choose_ipv6_pool([*known, *list_taken()], seed=seed)))
    return tuple(subnets)


def _asked_for(asked: IpamPool, known: list[Pool]) -> Subnet:
    pool = asked.pool
    if overlaps_any(pool, known):
        raise PoolOverlaps(asked.subnet)
    known.append(pool)
    return Subnet(
        pool=pool,
        gateway=ipaddress.ip_address(asked.gateway) if asked.gateway else _gateway(asked),
        ip_range=ipaddress.ip_network(asked.ip_range, strict=False) if asked.ip_range else None,
        aux_addresses=dict(asked.aux_addresses),
    )


def _gateway(asked: IpamPool) -> Address:
    """Return the first address that is not set aside."""
    aside = [ipaddress.ip_address(each) for each in asked.aux_addresses.values()]
    return next_address(asked.pool, within=None, used=aside, after=None)


def _whole(pool: Pool) -> Subnet:
    return Subnet(pool=pool, gateway=first_host(pool))


class Addresses:
    """The addresses of one engine's networks."""

    def __init__(self, store: NetworkStore, link_prefix: str) -> None:
        self._store = store
        self._link_prefix = link_prefix

    def activate(self, endpoint: EndpointRecord) -> EndpointRecord:
        """
        Give *endpoint* an ID, addresses and a link, record that, and return it.

        Joins the transaction that is open. Raises `NetworkNotFound`, `AddressTaken` or
        `AddressesExhausted`.
        """
        network = self._store.find_by_name(endpoint.network)
        if network is None:
            raise NetworkNotFound(endpoint.network)
        ipv4, ipv6 = self._choose(network, endpoint, 4), self._choose(network, endpoint, 6)
        source = ipv4 or ipv6
        active = replace(
            endpoint,
            id=secrets.token_hex(ID_BYTES),
            ipv4=str(ipv4 or ""),
            ipv6=str(ipv6 or ""),
            mac=endpoint.settings.mac.lower().replace("-", ":")
            or (mac_for(source) if source else ""),
            link=f"{self._link_prefix}{secrets.token_hex(LINK_BYTES)}" if network.bridge else "",
        )
        self._store.save_endpoint(active)
        return active

    def rest(self, endpoint: EndpointRecord) -> None:
        """Take the addresses of *endpoint* back; joins the transaction that is open."""
        self._store.save_endpoint(replace(endpoint, id="", ipv4="", ipv6="", mac="", link=""))

    def _choose(
        self, network: NetworkRecord, endpoint: EndpointRecord, version: int
    ) -> Address | None:
        subnet = network.subnet(version)
        if subnet is None:
            return None
        used = self._used(network, subnet)
        wanted = endpoint.settings.ipv4 if version == 4 else endpoint.settings.ipv6
        if wanted:
            address = ipaddress.ip_address(wanted)
            check_address(address, subnet.pool, used=used)
            return address
        last = self._store.last_address(network, version)
        chosen = next_address(
            subnet.pool,
            within=subnet.ip_range,
            used=used,
            after=ipaddress.ip_address(last) if last else None,
        )
        self._store.note_address(network, chosen)
        return chosen

    def _used(self, network: NetworkRecord, subnet: Subnet) -> set[Address]:
        standing = self._store.endpoints_in(network.name)
        used = {address for each in standing if (address := each.address(subnet.version))}
        aside = {ipaddress.ip_address(each) for each in subnet.aux_addresses.values()}
        return used | aside | {subnet.gateway}
