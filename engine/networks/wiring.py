"""
Containers in networks, through their lives.

A container is *enrolled* when it is made; *activated* before its process exists, which gives it
addresses and ports of the host; *attached* while the process is held; *released* when it has ended;
*withdrawn* when it is removed. Each step is a transaction and effects that may be repeated, so that
releasing what was only half attached is as good as any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting, NetworkPredefined, NotConnected
from engine.networks.record import HOST, NULL, EndpointRecord
from engine.networks.ways import gateway_endpoint, gateways, link_plan
from engine.settings.network import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import ExitStack

    from engine.events import EventLog
    from engine.networks.addressing import Addresses
    from engine.networks.door import Gateways, Links
    from engine.networks.plane import Plane
    from engine.networks.publishing import Publisher
    from engine.networks.record import NetworkRecord, PublishedPort
    from engine.networks.store import NetworkStore
    from engine.settings.network import PortBinding
    from engine.system.database import Database

SHORT_LENGTH = 12
# Why nobody is connected with a network that stands for none of its own; docker's words.
ALONE = {
    HOST: "container cannot be disconnected from host network or connected to host network",
    NULL: "container cannot be connected to multiple networks with one of the networks in private "
    "(none) mode",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A container as its networks know it; *servers* are the name servers it asked for."""

    id: str
    name: str
    hostname: str = ""
    servers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What others can call it in any network, aliases apart."""
        candidates = (self.name, self.id[:SHORT_LENGTH], self.hostname)
        return tuple(dict.fromkeys(each for each in candidates if each))


class Wiring:
    """Connects containers with networks."""

    def __init__(
        self,
        database: Database,
        store: NetworkStore,
        events: EventLog,
        *,
        plane: Plane,
        links: Links,
        addresses: Addresses,
        publisher: Publisher,
    ) -> None:
        self._database = database
        self._store = store
        self._events = events
        self._plane = plane
        self._links = links
        self._addresses = addresses
        self._publisher = publisher

    def enroll(self, member: Member, wanted: Iterable[Endpoint]) -> None:
        """
        Record in which networks a new container shall stand; joins the transaction that is open.

        Raises `NetworkNotFound`, `EndpointExists` or `InvalidSetting`.
        """
        for position, endpoint in enumerate(wanted):
            self._insert(member, self._store.get(endpoint.network), endpoint, position)

    def activate(
        self, member: Member, bindings: Sequence[PortBinding], undo: ExitStack
    ) -> list[int]:
        """
        Give the container its addresses and ports; return descriptors that hold the ports.

        They are closed by *undo*; whoever has inherited them keeps the ports. Raises what
        `Addresses.activate` and `Publisher.publish` raise; then nothing is given.
        """
        if not self._store.endpoints_of(member.id):
            return []
        # A power cut takes the process with it, and so the addresses.
        with self._database.write(survives_power_cut=False):
            active = [
                self._addresses.activate(_named(each, member))
                for each in self._store.endpoints_of(member.id)
            ]
            networks = self._networks(active)
            self._tell("connect", active)
            descriptors = self._publish(active, networks, bindings, undo)
        self._plane.ensure_bridges(networks.values())
        self._plane.sync(networks, rules=bool(descriptors))
        self._forget_udp(self._store.ports_of(member.id))
        return descriptors

    def attach(self, container_id: str, pid: int) -> None:
        """Give the held process *pid* of the container its links."""
        endpoints = [each for each in self._store.endpoints_of(container_id) if each.link]
        if endpoints:
            networks = self._networks(endpoints)
            self._join(pid, endpoints, networks, gateways(endpoints, networks))

    def release(self, container_id: str) -> None:
        """Take addresses and ports of a container back that has no process any more."""
        active = [each for each in self._store.endpoints_of(container_id) if each.is_active]
        ports = self._store.ports_of(container_id)
        if not active and not ports:
            return
        with self._database.write(survives_power_cut=False):
            self._tell("disconnect", active)
            for endpoint in active:
                self._addresses.rest(endpoint)
            self._store.delete_ports(container_id)
        self._plane.sync([each.network for each in active], rules=bool(ports))
        self._forget_udp(ports)

    def withdraw(self, container_id: str) -> None:
        """Forget a container; joins the transaction that is open."""
        self.withdraw_each([container_id])

    def withdraw_each(self, container_ids: Iterable[str]) -> None:
        """As `withdraw`, of several."""
        self._store.forget_each(container_ids)

    def rename(self, member: Member) -> None:
        """Let a container be known by the name it has now."""
        endpoints = self._store.endpoints_of(member.id)
        with self._database.write():
            for endpoint in endpoints:
                self._store.save_endpoint(_named(endpoint, member))
        self._plane.sync([each.network for each in endpoints if each.is_active], rules=False)

    def connect(
        self, network: NetworkRecord, member: Member, wanted: Endpoint, *, pid: int
    ) -> None:
        """
        Put a container into one more network: at once if it runs as *pid*, else at its next start.

        One that does not run may be put there again, with nothing else *wanted*. Raises
        `EndpointExists`, `AddressTaken`, `AddressesExhausted` or `InvalidSetting`.
        """
        if not network.bridge:
            raise NetworkPredefined(ALONE[network.name])
        found = self._store.find_endpoint(member.id, network.name)
        if not pid and found and wanted in (found.settings, Endpoint(network.name)):
            return
        with self._database.write():
            taken = [each.position for each in self._store.endpoints_of(member.id)]
            self._insert(member, network, wanted, max(taken, default=-1) + 1)
            endpoint = self._store.find_endpoint(member.id, network.name)
            assert endpoint is not None
            if pid:
                self._addresses.activate(_named(endpoint, member))
            self._tell("connect", [endpoint])
        if pid:
            self._plane.ensure_bridges([network])
            self._plane.sync([network.name], rules=bool(self._store.ports_of(member.id)))
            endpoints = self._store.endpoints_of(member.id)
            way = gateways(endpoints, self._networks(endpoints))
            new = [each for each in endpoints if each.network == network.name]
            self._join(pid, new, {network.name: network}, way)

    def disconnect(self, network: NetworkRecord, container_id: str, *, name: str, pid: int) -> None:
        """Take a container out of a network; raise `NotConnected` where it does not stand in it."""
        endpoint = self._store.find_endpoint(container_id, network.name)
        if endpoint is None:
            raise NotConnected(name, network=network.name)
        with self._database.write():
            self._store.delete_endpoint(container_id, network.name)
            self._tell("disconnect", [endpoint])
        left = self._store.endpoints_of(container_id)
        if pid and endpoint.is_active:
            way = gateways(left, self._networks(left))
            self._links.leave(pid, endpoint.interface, way)
        if endpoint.is_active:
            self._plane.sync([network.name], rules=bool(self._store.ports_of(container_id)))

    def reconcile(self, known: set[str], enrolled: set[str]) -> None:
        """Forget the containers of *enrolled* that are not *known*; restore what was lost."""
        for container_id in enrolled - known:
            self.release(container_id)
            self.withdraw(container_id)
        self._plane.restore()

    def _insert(
        self, member: Member, network: NetworkRecord, wanted: Endpoint, position: int
    ) -> None:
        _check_wanted(network, wanted)
        endpoint = EndpointRecord(
            container_id=member.id,
            container_name=member.name,
            network=network.name,
            position=position,
            settings=wanted,
            names=_names(member, wanted),
            servers=member.servers,
        )
        self._store.insert_endpoint(endpoint)

    def _publish(
        self,
        active: list[EndpointRecord],
        networks: dict[str, NetworkRecord],
        bindings: Sequence[PortBinding],
        undo: ExitStack,
    ) -> list[int]:
        endpoint = gateway_endpoint(active, networks)
        if endpoint is None or not bindings:
            return []
        default_ip = networks[endpoint.network].settings.host_ip
        return self._publisher.publish(endpoint, bindings, default_ip=default_ip, undo=undo)

    def _join(
        self,
        pid: int,
        endpoints: Sequence[EndpointRecord],
        networks: dict[str, NetworkRecord],
        way: Gateways,
    ) -> None:
        is_published = bool(self._store.ports_of(endpoints[0].container_id))
        plans = [
            link_plan(each, networks[each.network], is_published=is_published) for each in endpoints
        ]
        self._links.join(pid, plans, way)

    def _forget_udp(self, ports: Iterable[PublishedPort]) -> None:
        numbers = frozenset(each.host_port for each in ports if each.protocol == "udp")
        if numbers:
            self._links.forget_udp(numbers)

    def _tell(self, action: str, endpoints: Iterable[EndpointRecord]) -> None:
        for endpoint in endpoints:
            network = self._store.find_by_name(endpoint.network)
            if network is not None:
                self._events.record(
                    "network",
                    action,
                    network.id,
                    container=endpoint.container_id,
                    name=network.name,
                    type=network.driver,
                )

    def _networks(self, endpoints: Iterable[EndpointRecord]) -> dict[str, NetworkRecord]:
        found = {}
        for endpoint in endpoints:
            network = self._store.find_by_name(endpoint.network)
            if network is not None:
                found[network.name] = network
        return found


def _named(endpoint: EndpointRecord, member: Member) -> EndpointRecord:
    return replace(
        endpoint,
        container_name=member.name,
        names=_names(member, endpoint.settings),
        servers=member.servers,
    )


def _names(member: Member, wanted: Endpoint) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*member.names, *wanted.aliases)))


def _check_wanted(network: NetworkRecord, wanted: Endpoint) -> None:
    """Raise `InvalidSetting` where *wanted* asks for what *network* does not give."""
    if wanted.aliases and not network.has_names:
        raise InvalidSetting(
            "endpoints",
            "network-scoped alias is supported only for containers in user defined networks",
        )
    if (wanted.ipv4 or wanted.ipv6) and not network.has_names:
        raise InvalidSetting(
            "endpoints", "user specified IP address is supported on user defined networks only"
        )
    if (wanted.ipv4 or wanted.ipv6) and not network.settings.ipam:
        raise InvalidSetting(
            "endpoints",
            "user specified IP address is supported only when connecting to networks with user "
            "configured subnets",
        )
    for version, text in ((4, wanted.ipv4), (6, wanted.ipv6)):
        subnet = network.subnet(version)
        if text and subnet is None:
            raise InvalidSetting("endpoints", f"network {network.name} has no IPv{version} subnet")
