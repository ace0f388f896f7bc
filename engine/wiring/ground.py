"""What several nouns of an engine stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import events, leases
from engine.build import cache as build_cache
from engine.build import cache_notes
from engine.cleanup import plan_store
from engine.containers import mounting
from engine.containers import schema as containers_schema
from engine.content.local import LocalStore
from engine.events import EventLog
from engine.images import places
from engine.images import schema as images_schema
from engine.images.store import ImageStore
from engine.leases import Leases
from engine.ledger import changes as ledger_changes
from engine.networks import schema as networks_schema
from engine.networks.assembly import linux_host, open_networks
from engine.snapshots import store as snapshots_store
from engine.snapshots.choice import open_snapshotter
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.volumes import schema as volumes_schema
from engine.volumes.assembly import open_volumes

if TYPE_CHECKING:
    from engine.content.store import Store
    from engine.networks.networks import NetworkMeans
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.paths import EnginePaths
    from engine.volumes.volumes import Volumes

SCHEMAS = (
    events.SCHEMA,
    leases.SCHEMA,
    snapshots_store.SCHEMA,
    images_schema.SCHEMA,
    places.SCHEMA,
    networks_schema.SCHEMA,
    volumes_schema.SCHEMA,
    mounting.SCHEMA,
    containers_schema.SCHEMA,
    build_cache.SCHEMA,
    cache_notes.SCHEMA,
    plan_store.SCHEMA,
    # Last: it follows the tables of the others.
    ledger_changes.SCHEMA,
)


@dataclass(frozen=True)
class Ground:
    """What several nouns stand on."""

    paths: EnginePaths
    database: Database
    events: EventLog
    locks: Locks
    leases: Leases
    content: Store
    snapshotter: Snapshotter
    images: ImageStore
    networks: NetworkMeans
    volumes: Volumes
    clock: Clock


def lay_ground(paths: EnginePaths, clock: Clock) -> Ground:
    """Open what several nouns stand on, making it where it is not there."""
    paths.ensure()
    database = Database(paths.database, SCHEMAS)
    event_log = EventLog(database, paths.events, clock)
    locks = Locks(paths.locks)
    return Ground(
        paths=paths,
        database=database,
        events=event_log,
        locks=locks,
        leases=Leases(database, locks),
        content=LocalStore(paths.content, locks),
        snapshotter=open_snapshotter(paths, database),
        images=ImageStore(database, event_log, clock),
        networks=open_networks(
            paths,
            database=database,
            events=event_log,
            clock=clock,
            locks=locks,
            host=linux_host(paths),
        ),
        volumes=open_volumes(
            paths,
            database=database,
            events=event_log,
            clock=clock,
            locks=locks,
            mounter=LinuxMounter(),
        ),
        clock=clock,
    )
