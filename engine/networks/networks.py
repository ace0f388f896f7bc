"""
The networks of one engine: one method for each verb.

A network is meant by its name, its ID or the beginning of one. Three are always there: `bridge`,
which is made when somebody first looks or joins, `host` and `none`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import (
    NetworkExists,
    NetworkInUse,
    NetworkNotFound,
    NetworkPredefined,
    NotConnected,
    PoolsExhausted,
)
from engine.networks.addressing import ID_BYTES, choose_subnets
from engine.networks.record import (
    BRIDGE,
    HOST,
    NULL,
    EndpointRecord,
    NetworkRecord,
    PublishedPort,
    Subnet,
)
from engine.networks.settings import OPTION_BRIDGE, NetworkSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from engine.events import EventLog
    from engine.networks.door import Host
    from engine.networks.mark import Mark
    from engine.networks.plane import Plane
    from engine.networks.store import NetworkStore
    from engine.networks.wiring import Member, Wiring
    from engine.settings.network import Endpoint
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.paths import EnginePaths

__all__ = ["EndpointRecord", "NetworkRecord", "NetworkSettings", "Networks", "PublishedPort"]

DEFAULTS = (
    NetworkSettings(BRIDGE),
    NetworkSettings(HOST, driver="host"),
    NetworkSettings(NULL, driver="null"),
)


class Members(Protocol):
    """Knows the containers of this host."""

    def standing(self, ref: str) -> AbstractContextManager[tuple[Member, int]]:
        """
        Hold the container *ref* still and yield it, with the pid of its process, 0 without one.

        Raises `ContainerNotFound`, or `InvalidSetting` for one that has no network of its own.
        """


@dataclass(frozen=True)
class NetworkMeans:
    """Everything with which networks are kept."""

    database: Database
    store: NetworkStore
    events: EventLog
    clock: Clock
    plane: Plane
    wiring: Wiring
    host: Host
    mark: Mark
    paths: EnginePaths


class DefaultNetworks:
    """The networks that are always there."""

    def __init__(self, means: NetworkMeans) -> None:
        self._means = means
        self._maker = Maker(means)

    def ensure(self, *wanted: str) -> None:
        """
        See to it that they have records.

        Where no subnet is left for one, the others have theirs; `PoolsExhausted` is raised if it is
        one of those that are *wanted*, by their names.
        """
        for settings in DEFAULTS:
            if self._means.store.find_by_name(settings.name) is None:
                try:
                    self._maker.make(settings, owner="")
                except NetworkExists:
                    continue
                except PoolsExhausted:
                    if settings.name in wanted:
                        raise


class Maker:
    """Makes networks."""

    def __init__(self, means: NetworkMeans) -> None:
        self._means = means

    def make(self, settings: NetworkSettings, *, owner: str) -> NetworkRecord:
        """Record a network and make its bridge; nothing is left if that fails."""
        network = self._record(settings, owner)
        try:
            self._means.plane.ensure_bridges([network])
        except BaseException:
            self._means.store.delete(network.id)
            self._means.plane.remove_bridge(network)
            raise
        return network

    def _record(self, settings: NetworkSettings, owner: str) -> NetworkRecord:
        means = self._means
        network_id = secrets.token_hex(ID_BYTES)
        has_bridge = settings.driver == BRIDGE
        own = settings.options.get(OPTION_BRIDGE, "") or means.mark.bridge(network_id)
        with means.database.write():
            if means.store.find_by_name(settings.name) is not None:
                raise NetworkExists(settings.name)
            network = NetworkRecord(
                id=network_id,
                settings=settings,
                bridge=own if has_bridge else "",
                subnets=self._subnets(settings) if has_bridge else (),
                created_at=means.clock.now(),
                owner=owner,
            )
            means.store.insert(network)
            means.events.record("network", "create", network.id, **_attributes(network))
        return network

    def _subnets(self, settings: NetworkSettings) -> tuple[Subnet, ...]:
        means = self._means
        return choose_subnets(
            settings, means.store, list_taken=means.host.links.list_taken, seed=means.mark.tag
        )


class Networks:
    """The networks of one engine root."""

    def __init__(self, means: NetworkMeans, members: Members) -> None:
        self._means = means
        self._members = members
        self._maker = Maker(means)
        self._defaults = DefaultNetworks(means)

    def create(self, settings: NetworkSettings, *, owner: str = "") -> NetworkRecord:
        """
        Make a network and return its record.

        Raises `NetworkExists`, `PoolOverlaps`, `PoolsExhausted` or `NetworkPredefined`; then
        nothing is left of it.
        """
        self._defaults.ensure()
        if settings.driver != BRIDGE:
            raise NetworkPredefined(f'only one instance of "{settings.driver}" network is allowed')
        return self._maker.make(settings, owner=owner)

    def get(self, ref: str) -> NetworkRecord:
        """Return the network *ref*; raise `NetworkNotFound` or `AmbiguousID`."""
        self._defaults.ensure(ref)
        return self._means.store.get(ref)

    def find(self, ref: str) -> NetworkRecord | None:
        """Return the network *ref*, or None."""
        try:
            return self.get(ref)
        except NetworkNotFound:
            return None

    def remove(self, ref: str) -> None:
        """
        Remove a network; raise `NetworkInUse` while running containers stand in it.

        Stopped ones that were to stand in it cannot be started until there is one of its name.
        """
        network = self.get(ref)
        if network.is_predefined:
            raise NetworkPredefined(
                f"{network.name} is a pre-defined network and cannot be removed"
            )
        with self._means.database.write():
            self._check_unused(network)
            self._means.store.delete(network.id)
            self._means.events.record("network", "destroy", network.id, **_attributes(network))
        self._means.plane.remove_bridge(network)

    def prune(
        self,
        *,
        until: datetime | None = None,
        labels: Iterable[str] = (),
        without_labels: Iterable[str] = (),
    ) -> tuple[str, ...]:
        """
        Remove every network in which no container stands, running or not; return their names.

        Only those made before *until* that have all of *labels* and none of *without_labels*, each
        `name` or `name=value`.
        """
        wanted, unwanted = tuple(labels), tuple(without_labels)
        used = self._means.store.used_networks()
        removed = []
        for network in self.list():
            if network.is_predefined or network.name in used:
                continue
            has = [_has_label(network, each) for each in wanted]
            has_not = [not _has_label(network, each) for each in unwanted]
            if all(has) and all(has_not) and (until is None or network.created_at < until):
                removed += self._pruned(network)
        return tuple(removed)

    def connect(self, ref: str, container: str, endpoint: Endpoint) -> None:
        """
        Put a container into the network *ref*: at once if it runs, else from its next start on.

        Raises `EndpointExists`, `AddressTaken` and what else `Wiring.connect` raises.
        """
        network = self.get(ref)
        with self._members.standing(container) as (member, pid):
            self._means.wiring.connect(network, member, endpoint, pid=pid)

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        """
        Take a container out of the network *ref*; raise `NotConnected`.

        With *force*, one that does not stand in it is fine.
        """
        network = self.get(ref)
        with self._members.standing(container) as (member, pid):
            try:
                self._means.wiring.disconnect(network, member.id, name=member.name, pid=pid)
            except NotConnected:
                if force:
                    return
                raise

    def dismantle(self) -> None:
        """
        Leave nothing of this engine's networks on the host; the next start makes what it needs.

        Raises `NetworkInUse` while a container runs in one of them.
        """
        for network in self._means.store.list_networks():
            self._check_unused(network)
        self._means.plane.dismantle()

    def endpoints(self, container_id: str) -> list[EndpointRecord]:
        """Return the endpoints of a container, in the order of its interfaces."""
        return self._means.store.endpoints_of(container_id)

    def active_endpoints(self) -> list[EndpointRecord]:
        """Return the endpoints of all containers that run."""
        return self._means.store.active_endpoints()

    def list_members(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the networks of every container, running or not, by its ID."""
        return self._means.store.list_members()

    def list_ports(self) -> list[tuple[str, PublishedPort]]:
        """Return every port that is published now, with the ID of its container."""
        return self._means.store.list_ports()

    def endpoints_in(self, ref: str) -> list[EndpointRecord]:
        """Return the endpoints of the containers that run in the network *ref*."""
        return self._means.store.endpoints_in(self.get(ref).name)

    def ports(self, container_id: str) -> list[PublishedPort]:
        """Return where ports of a container are published now."""
        return self._means.store.ports_of(container_id)

    def _check_unused(self, network: NetworkRecord) -> None:
        standing = self._means.store.endpoints_in(network.name)
        if standing:
            holders = tuple(each.container_name for each in standing)
            raise NetworkInUse(network.name, network_id=network.id, holders=holders)

    def _pruned(self, network: NetworkRecord) -> list[str]:
        try:
            self.remove(network.id)
        except (NetworkInUse, NetworkNotFound):
            # Somebody has just begun to use it, or removed it.
            return []
        return [network.name]

    def list(self) -> list[NetworkRecord]:
        """Return every network, by name; not the default one where no subnet is left for it."""
        self._defaults.ensure()
        return self._means.store.list_networks()


def _attributes(network: NetworkRecord) -> dict[str, str]:
    return {"name": network.name, "type": network.driver}


def _has_label(network: NetworkRecord, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    labels = network.settings.labels
    return name in labels and (not equals or labels[name] == value)
