"""Putting the parts of builds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.build.builder import BuildParts
from engine.build.builds import Builds
from engine.build.cache import StepCache
from engine.build.cache_notes import CacheNotes
from engine.build.caches import CacheDirectories
from engine.build.layermaker import SnapshotLayers
from engine.build.places import PlaceKeeper
from engine.build.prune import CachePruner
from engine.images.holds import LayerHolds
from engine.system.mounter import LinuxMounter

if TYPE_CHECKING:
    from engine.build.bases import ImageSource
    from engine.build.ports import ProgramRunner
    from engine.build.remote import Downloads
    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.store import ImageStore
    from engine.images.unpack import Unpacker
    from engine.leases import Leases
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.clock import Clock
    from engine.system.database import Database
    from engine.system.locks import Locks
    from engine.system.paths import EnginePaths


def open_builds(
    *,
    paths: EnginePaths,
    database: Database,
    images: ImageStore,
    source: ImageSource,
    store: Store,
    snapshotter: Snapshotter,
    unpacker: Unpacker,
    runner: ProgramRunner,
    downloads: Downloads,
    leases: Leases,
    collector: Collector,
    locks: Locks,
    clock: Clock,
) -> Builds:
    """Return the builds of one engine; nothing is opened or looked for yet."""
    cache = StepCache(database, LayerHolds(database), clock)
    caches = CacheDirectories(paths.build_caches, locks, CacheNotes(database, clock))
    parts = BuildParts(
        images=images,
        store=store,
        snapshotter=snapshotter,
        layers=SnapshotLayers(snapshotter, unpacker),
        runner=runner,
        downloads=downloads,
        cache=cache,
        caches=caches,
        places=PlaceKeeper(paths.builds, locks, snapshotter, LinuxMounter()),
        leases=leases,
        collector=collector,
        locks=locks,
        clock=clock,
    )
    pruner = CachePruner(cache, caches, images=images, collector=collector, clock=clock)
    return Builds(parts, source, pruner)
