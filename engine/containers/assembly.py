"""Where the parts meet: the means of containers on a real Linux host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.bundle import Bundles
from engine.containers.departed import Departures
from engine.containers.exec_monitor import LinuxExecMonitor
from engine.containers.exits import Exits
from engine.containers.memory_layer import MemoryLayers
from engine.containers.monitor import ConmonMonitor
from engine.containers.ports import Means
from engine.containers.runtime import OciRuntime, Programs
from engine.containers.sandbox_files import Sandboxes
from engine.containers.store import ContainerStore
from engine.containers.waiting import WaitingRoom
from engine.system.cgroups import Cgroups
from engine.system.entering.spawner import Spawner
from engine.system.host import probe_host

if TYPE_CHECKING:
    from engine.containers.ports import ImageDeriver, ImageSource
    from engine.events import EventLog
    from engine.networks.networks import NetworkMeans
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.mounter import Mounter
    from engine.system.paths import EnginePaths
    from engine.volumes.volumes import Volumes


def linux_means(
    paths: EnginePaths,
    *,
    database: Database,
    events: EventLog,
    clock: Clock,
    locks: Locks,
    images: ImageSource,
    deriver: ImageDeriver,
    snapshotter: Snapshotter,
    mounter: Mounter,
    networks: NetworkMeans,
    volumes: Volumes,
) -> Means:
    """
    Return the means to run containers below *paths* with the runtime and conmon of this host.

    Where either is not installed, what needs it raises `ProgramNotFound`.
    """
    programs = Programs(paths)
    return Means(
        database=database,
        store=ContainerStore(database),
        events=events,
        clock=clock,
        locks=locks,
        images=images,
        deriver=deriver,
        snapshotter=snapshotter,
        mounter=mounter,
        memory=MemoryLayers(paths.memory, mounter),
        sandboxes=Sandboxes(paths.sandboxes, mounter),
        departures=Departures(paths.departed, clock),
        bundles=Bundles(paths),
        exits=Exits(paths.exits),
        monitor=ConmonMonitor(programs, paths.exits),
        waiting=WaitingRoom(paths.attaching),
        exec_monitor=LinuxExecMonitor(programs, Spawner()),
        runtime=OciRuntime(programs),
        cgroups=Cgroups(),
        networks=networks,
        volumes=volumes,
        host=probe_host(),
    )
