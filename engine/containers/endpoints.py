"""
Containers and their networks: what the settings ask for, said in the networks' terms.

`networks` know nothing of containers, and the rest of this package knows nothing of addresses; here
they meet. Every method is to be called with the container's lock held.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.containers.bundle import host_resolver
from engine.containers.hostname import hostname_of
from engine.containers.record import SHORT_LENGTH
from engine.errors import ContainerNotFound, InvalidSetting
from engine.networks.files import (
    HOSTS,
    NO_DOTS,
    Resolver,
    parse_resolver,
    reachable,
    render_hosts,
    render_resolver,
)
from engine.networks.networks import DefaultNetworks
from engine.networks.record import BRIDGE
from engine.networks.wiring import Member
from engine.settings.network import HOST_GATEWAY, Endpoint, PortBinding, parse_exposed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import ExitStack

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.networks.record import EndpointRecord
    from engine.settings import ContainerSettings

RESOLVER = Path("/etc/resolv.conf")
# Where systemd-resolved keeps the servers that it asks itself; its own is for the host alone.
STUB = "127.0.0.53"
BEHIND_STUB = Path("/run/systemd/resolve/resolv.conf")
HOST_NAMES = Path("/etc/hosts")
JOINED = "container:"
WITHOUT_ENDPOINT = ("none", "host")


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """The texts of /etc/hosts and /etc/resolv.conf."""

    hosts: str
    resolver: str


class Connector:
    """Connects containers with their networks, through their lives."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._wiring = means.networks.wiring
        self._store = means.networks.store
        self._defaults = DefaultNetworks(means.networks)

    def prepare(self, settings: ContainerSettings) -> None:
        """See to it that what needs no asking is there; to be called outside a transaction."""
        if has_endpoints(settings):
            self._defaults.ensure(*(each.network for each in wanted_endpoints(settings)))
            self._check_links(settings)
        elif settings.network.startswith(JOINED):
            self._means.store.get(settings.network.removeprefix(JOINED))

    def _check_links(self, settings: ContainerSettings) -> None:
        # In a network of one's own a link may lead to what comes later.
        asked = [each for each in wanted_endpoints(settings) if each.network == BRIDGE]
        for ref in (link.partition(":")[0] for each in asked for link in each.links):
            try:
                self._means.store.get(ref)
            except ContainerNotFound as error:
                message = f"could not get container for {ref}: {error.message}"
                raise InvalidSetting("endpoints", message) from error

    def enroll(self, record: ContainerRecord) -> None:
        """Record where a new container shall stand; joins the transaction that is open."""
        self._wiring.enroll(member_of(record), wanted_endpoints(record.settings))

    def activate(self, record: ContainerRecord, undo: ExitStack) -> tuple[int, ...]:
        """Give the container addresses and ports; return descriptors for the monitor to inherit."""
        if not has_endpoints(record.settings):
            return ()
        exposed = self._means.images.get(str(record.image_id)).config.defaults.exposed_ports
        bindings = wanted_bindings(record.settings, exposed)
        return tuple(self._wiring.activate(member_of(record), bindings, undo))

    def attach(self, record: ContainerRecord, pid: int) -> None:
        """Give the held process *pid* its links."""
        self._wiring.attach(record.id, pid)

    def release(self, container_id: str) -> None:
        """Take addresses and ports back; a container that has none is fine."""
        self._wiring.release(container_id)

    def unreleased(self, container_ids: Sequence[str]) -> set[str]:
        """Return those of the containers for which `release` has something to do."""
        return self._store.active_among(container_ids)

    def is_active(self, container_id: str) -> bool:
        """Whether it has addresses."""
        return any(each.is_active for each in self._store.endpoints_of(container_id))

    def write_files(self, record: ContainerRecord) -> None:
        """Write what the container shall find in its /etc; it may run already."""
        files = self.files(record)
        self._means.bundles.write_files(
            self._means.bundles.locate(record.id),
            hosts=files.hosts,
            hostname=hostname_of(record, self._means.store),
            resolver=files.resolver,
        )

    # --- Files --------------------------------------------------------------------------------

    def files(self, record: ContainerRecord) -> NetworkFiles:
        """Return what the container shall find in its /etc, as it stands now."""
        if record.settings.network.startswith(JOINED):
            return self._files_of_joined(record.settings.network.removeprefix(JOINED))
        return NetworkFiles(self._hosts(record), self._resolver(record))

    def _files_of_joined(self, ref: str) -> NetworkFiles:
        directory = self._means.bundles.locate(self._means.store.get(ref).id).directory
        hosts, resolver = (host_resolver(directory / name) for name in ("hosts", "resolv.conf"))
        return NetworkFiles(hosts, resolver)

    def _hosts(self, record: ContainerRecord) -> str:
        is_host = record.settings.network == "host"
        heading = host_resolver(HOST_NAMES) if is_host else HOSTS
        endpoints = [each for each in self._store.endpoints_of(record.id) if each.is_active]
        entries = [
            *self._extra_hosts(record.settings),
            *(entry for each in endpoints for entry in self._links(each)),
            *own_entries(record, endpoints),
        ]
        return render_hosts(entries, heading=heading)

    def _extra_hosts(self, settings: ContainerSettings) -> Iterator[tuple[str, list[str]]]:
        for text in settings.extra_hosts:
            name, _, address = text.partition(":")
            if address == HOST_GATEWAY:
                self._defaults.ensure(BRIDGE)
                address = str(self._store.get(BRIDGE).subnets[0].gateway)
            yield address.strip("[]"), [name]

    def _links(self, endpoint: EndpointRecord) -> Iterator[tuple[str, list[str]]]:
        others = self._store.endpoints_in(endpoint.network)
        for link in endpoint.settings.links:
            ref, _, alias = link.partition(":")
            meant = _called(others, ref)
            yield from ((each.ipv4 or each.ipv6, _link_names(each, alias or ref)) for each in meant)

    def _resolver(self, record: ContainerRecord) -> str:
        settings = record.settings
        own = Resolver(settings.dns, settings.dns_search, settings.dns_options)
        if settings.network == "host":
            text = host_resolver(RESOLVER)
            return render_resolver(own.or_else(parse_resolver(text))) if own != NOTHING else text
        text = _hosts_resolver()
        host = parse_resolver(text)
        servers = self._name_servers(record.id)
        if servers:
            options = settings.dns_options or (NO_DOTS,)
            return render_resolver(Resolver(servers, settings.dns_search or host.search, options))
        if own == NOTHING and reachable(host) == host:
            return text
        return render_resolver(own.or_else(reachable(host)))

    def _name_servers(self, container_id: str) -> tuple[str, ...]:
        active = [each for each in self._store.endpoints_of(container_id) if each.is_active]
        networks = [self._store.find_by_name(each.network) for each in active]
        named = [each for each in networks if each is not None and each.has_names]
        return tuple(str(subnet.gateway) for each in named for subnet in each.subnets)


NOTHING = Resolver()


def has_endpoints(settings: ContainerSettings) -> bool:
    """Whether a container stands in networks, rather than in none or in somebody else's."""
    return settings.network not in WITHOUT_ENDPOINT and not settings.network.startswith(JOINED)


def wanted_endpoints(settings: ContainerSettings) -> list[Endpoint]:
    """Return where a container shall stand, the network that it is in first of all."""
    if not has_endpoints(settings):
        return []
    asked = {each.network: each for each in settings.endpoints}
    first = asked.pop(settings.network, Endpoint(settings.network))
    return [first, *asked.values()]


def wanted_bindings(
    settings: ContainerSettings, exposed_by_image: Iterable[str]
) -> list[PortBinding]:
    """Return the ports to publish: those asked for, and with *publish_all* every exposed one."""
    bindings = list(settings.publish)
    if settings.publish_all:
        known = {(each.container_port, each.protocol) for each in bindings}
        exposed = exposed_ports(settings, exposed_by_image)
        bindings += [PortBinding(*each) for each in exposed if each not in known]
    return bindings


def exposed_ports(
    settings: ContainerSettings, exposed_by_image: Iterable[str]
) -> list[tuple[int, str]]:
    """Return the ports that image and settings expose, each once and in order."""
    found: set[tuple[int, str]] = set()
    for text in (*exposed_by_image, *settings.expose):
        try:
            ports, protocol = parse_exposed(text)
        except InvalidSetting:
            # An image may say anything.
            continue
        found.update((port, protocol) for port in ports)
    return sorted(found)


def member_of(record: ContainerRecord) -> Member:
    """Return the container as its networks know it."""
    settings = record.settings
    return Member(record.id, record.name, hostname=settings.hostname, servers=settings.dns)


def own_entries(
    record: ContainerRecord, endpoints: Iterable[EndpointRecord]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of /etc/hosts that give the container's own name its addresses."""
    hostname = record.settings.hostname or record.short_id
    domain = record.settings.domainname
    names = [f"{hostname}.{domain}", hostname] if domain else [hostname]
    if "." in hostname and not domain:
        names.append(hostname.partition(".")[0])
    for endpoint in endpoints:
        for address in (endpoint.ipv4, endpoint.ipv6):
            if address:
                yield address, names


def check_connectable(settings: ContainerSettings) -> None:
    """Raise `InvalidSetting` where a container cannot be put into a further network."""
    if settings.network == "none":
        raise InvalidSetting(
            "network",
            "container cannot be connected to multiple networks with one of the networks in "
            "private (none) mode",
        )
    if not has_endpoints(settings):
        raise InvalidSetting(
            "network",
            "container sharing network namespace with another container or host cannot be "
            "connected to any other network",
        )


def _link_names(endpoint: EndpointRecord, alias: str) -> list[str]:
    """Return what a linked container is called: by the link, by its host name, by its own name."""
    own = (endpoint.container_id[:SHORT_LENGTH], endpoint.container_name)
    return list(dict.fromkeys((alias, *own)))


def _called(endpoints: Sequence[EndpointRecord], ref: str) -> list[EndpointRecord]:
    """Return those that *ref* means: a name wins over the beginning of an ID."""
    named = [each for each in endpoints if each.container_name == ref]
    return named or [each for each in endpoints if each.container_id.startswith(ref)]


def _hosts_resolver() -> str:
    text = host_resolver(RESOLVER)
    if parse_resolver(text).servers == (STUB,):
        return host_resolver(BEHIND_STUB) or text
    return text
