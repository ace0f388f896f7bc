"""Where the parts meet: the networks of one engine, over a host that is real or made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.networks.aardvark import AardvarkNames
from engine.networks.addressing import Addresses
from engine.networks.door import Host
from engine.networks.firewall import NftFirewall
from engine.networks.host_ports import SocketPorts
from engine.networks.mark import Mark
from engine.networks.netlink import NetlinkLinks
from engine.networks.networks import NetworkMeans
from engine.networks.plane import Plane
from engine.networks.publishing import Publisher
from engine.networks.store import NetworkStore
from engine.networks.wiring import Wiring

if TYPE_CHECKING:
    from engine.events import EventLog
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.paths import EnginePaths


def linux_host(paths: EnginePaths) -> Host:
    """Return the doors of this very host; nothing is opened yet."""
    return Host(
        links=NetlinkLinks(),
        firewall=NftFirewall(Mark.of(paths.run).table, paths.networks),
        ports=SocketPorts(),
        names=AardvarkNames(),
    )


def open_networks(
    paths: EnginePaths,
    *,
    database: Database,
    events: EventLog,
    clock: Clock,
    locks: Locks,
    host: Host,
) -> NetworkMeans:
    """Return the means to keep the networks of the engine in *paths* on *host*."""
    store = NetworkStore(database)
    mark = Mark.of(paths.run)
    plane = Plane(store, host, locks, directory=paths.networks, mark=mark)
    wiring = Wiring(
        database,
        store,
        events,
        plane=plane,
        links=host.links,
        addresses=Addresses(store, mark.links),
        publisher=Publisher(store, host.ports),
    )
    return NetworkMeans(
        database=database,
        store=store,
        events=events,
        clock=clock,
        plane=plane,
        wiring=wiring,
        host=host,
        mark=mark,
        paths=paths,
    )
