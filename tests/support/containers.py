"""Engines for tests of containers: one on a fake host, one on the real kernel."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import events, leases
from engine.containers import mounting
from engine.containers.assembly import linux_means
from engine.containers.bundle import Bundles
from engine.containers.containers import Containers, IfRunning
from engine.containers.departed import Departures
from engine.containers.exits import Exits
from engine.containers.memory_layer import MemoryLayers
from engine.containers.ports import Means
from engine.containers.sandbox_files import Sandboxes
from engine.containers.schema import SCHEMA
from engine.containers.store import ContainerStore
from engine.containers.waiting import WaitingRoom
from engine.events import EventLog
from engine.networks import schema as networks
from engine.networks.assembly import linux_host, open_networks
from engine.oci.identity import chain_id
from engine.settings import ContainerSettings
from engine.snapshots import store as snapshots
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.snapshotter import Pending
from engine.system.cgroups import CgroupLayout
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.files import measure
from engine.system.host import HostFacts
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from engine.volumes import schema as volumes
from engine.volumes.assembly import open_volumes
from tests.support.fakes_containers import (
    FakeCgroups,
    FakeDeriver,
    FakeExecMonitor,
    FakeHost,
    FakeImages,
    FakeMonitor,
    FakeRuntime,
    random_diff_id,
)
from tests.support.fakes_networks import fake_network_host
from tests.support.fakes_snapshots import FakeMounter, JoiningSnapshotter

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from engine.networks.door import Host
    from engine.system.clock import Clock
    from engine.system.mounter import Mounter
    from engine.volumes.volumes import Volumes


IMAGE = "busybox:latest"
SECONDS = 20.0
BUSYBOX = Path("/bin/busybox")
SCHEMAS = (
    events.SCHEMA,
    leases.SCHEMA,
    snapshots.SCHEMA,
    networks.SCHEMA,
    volumes.SCHEMA,
    mounting.SCHEMA,
    SCHEMA,
)
FAKE_FACTS = HostFacts(
    architecture="amd64",
    kernel=(6, 1),
    cgroups=CgroupLayout.UNIFIED,
    has_cgroup_namespace=True,
    has_swap_limit=True,
    open_files=20_000,
    oom_score=0,
    cpus=2,
    memory_bytes=8 << 30,
)


@dataclass(slots=True)
class Yard:
    """An engine's containers, and all that they are made with."""

    paths: EnginePaths
    means: Means
    images: FakeImages
    containers: Containers
    host: FakeHost | None = None

    @property
    def fake_host(self) -> FakeHost:
        assert self.host is not None
        return self.host

    def settings(self, *command: str, **more: Any) -> ContainerSettings:
        """Settings of a container, which stands in no network unless told otherwise."""
        more.setdefault("network", "none")
        return ContainerSettings(image=IMAGE, command=command or ("/bin/true",), **more)

    def reopened(self, means: Means | None = None) -> Containers:
        """The same containers, as another process sees them."""
        return Containers(means or self.means, chooser=random.Random(2))

    def actions(self) -> list[str]:
        return [event.action for event in self.means.events.list_since(0)]

    def leftovers(self, *, records: int = 0) -> list[str]:
        """Whatever is left of containers besides *records* that are at rest."""
        found = [f"mount {each}" for each in self.means.mounter.list_mounts(self.paths.root)]
        found += [f"run {each}" for each in _children(self.paths.run / "containers")]
        found += [f"runtime {each}" for each in _children(self.paths.run / "runtime")]
        found += [f"waiting {each}" for each in _children(self.paths.attaching)]
        found += [f"exit {each}" for each in _children(self.paths.exits)]
        found += [f"exec {each}" for each in _children(self.paths.execs)]
        directories = _children(self.paths.containers)
        if len(directories) != records:
            found.append(f"{len(directories)} directories for {records} records")
        active = [each for each in self.means.snapshotter.iter_snapshots() if each.kind == "active"]
        if len(active) != records:
            found.append(f"{len(active)} snapshots for {records} records")
        if len(self.means.store.list_all()) != records:
            found.append(f"{len(self.means.store.list_all())} records, not {records}")
        return found


def fake_yard(root: Path, clock: Clock = SYSTEM_CLOCK, network: Host | None = None) -> Yard:
    """Containers on a host that is made up, but for its files."""
    paths = EnginePaths(root / "root", root / "run")
    paths.ensure()
    database = Database(paths.database, SCHEMAS)
    host = FakeHost(paths.exits)
    images = FakeImages()
    snapshotter = JoiningSnapshotter(paths.snapshots, database)
    mounter = FakeMounter()
    means = Means(
        database=database,
        store=ContainerStore(database),
        events=EventLog(database, paths.events, clock),
        clock=clock,
        locks=Locks(paths.locks),
        images=images,
        deriver=FakeDeriver(),
        snapshotter=snapshotter,
        mounter=mounter,
        memory=MemoryLayers(paths.memory, mounter),
        sandboxes=Sandboxes(paths.sandboxes, mounter),
        departures=Departures(paths.departed, clock),
        bundles=Bundles(paths),
        exits=Exits(paths.exits),
        monitor=FakeMonitor(host),
        waiting=WaitingRoom(paths.attaching),
        exec_monitor=FakeExecMonitor(host),
        runtime=FakeRuntime(host),
        cgroups=FakeCgroups(host),
        networks=open_networks(
            paths,
            database=database,
            events=EventLog(database, paths.events, clock),
            clock=clock,
            locks=Locks(paths.locks),
            host=network or fake_network_host(),
        ),
        volumes=_volumes(paths, database, clock, mounter),
        host=FAKE_FACTS,
    )
    image = images.add(IMAGE, diff_id=random_diff_id(), command=("/bin/true",))
    snapshotter.stage("image")
    snapshotter.commit_stack([Pending("image", chain_id(image.config.diff_ids), 4096)], parent=None)
    return Yard(paths, means, images, Containers(means, chooser=random.Random(1)), host)


def real_yard(root: Path, clock: Clock = SYSTEM_CLOCK) -> Yard:
    """Containers of this very kernel, over an image that is one static busybox."""
    paths = EnginePaths(root / "root", root / "run")
    paths.ensure()
    database = Database(paths.database, SCHEMAS)
    images = FakeImages()
    snapshotter = OverlaySnapshotter(paths.snapshots, database, trash=paths.trash)
    image = images.add(IMAGE, diff_id=random_diff_id(), command=("/bin/true",))
    staged = snapshotter.stage("image")
    fill_with_busybox(staged)
    snapshotter.seal("image", "")
    snapshotter.commit_stack(
        [Pending("image", chain_id(image.config.diff_ids), measure(staged).bytes)], parent=None
    )
    means = linux_means(
        paths,
        database=database,
        events=EventLog(database, paths.events, clock),
        clock=clock,
        locks=Locks(paths.locks),
        images=images,
        deriver=FakeDeriver(),
        snapshotter=snapshotter,
        mounter=LinuxMounter(),
        networks=open_networks(
            paths,
            database=database,
            events=EventLog(database, paths.events, clock),
            clock=clock,
            locks=Locks(paths.locks),
            host=linux_host(paths),
        ),
        volumes=_volumes(paths, database, clock, LinuxMounter()),
    )
    return Yard(paths, means, images, Containers(means))


def _volumes(paths: EnginePaths, database: Database, clock: Clock, mounter: Mounter) -> Volumes:
    return open_volumes(
        paths,
        database=database,
        events=EventLog(database, paths.events, clock),
        clock=clock,
        locks=Locks(paths.locks),
        mounter=mounter,
    )


def fill_with_busybox(root: Path) -> None:
    """Make *root* a small system of one program with many names."""
    for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        (root / name).mkdir()
    shutil.copy(BUSYBOX, root / "bin/busybox")
    names = "sh true false sleep cat echo env id hostname ls ps kill mount touch dd ip wget mkdir"
    for name in [
        *names.split(),
        "stty",
        "grep",
        "stat",
        "seq",
        "head",
        "tail",
        "yes",
        "rm",
        "wc",
        "tr",
        "readlink",
        "sort",
        "ulimit",
    ]:
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:\n")
    (root / "etc/group").write_text("root:x:0:\nana:x:1000:\nstaff:x:50:ana,bob\n")


def started(yard: Yard, **settings: object) -> ContainerRecord:
    """Return a container of *yard* that runs."""
    record = yard.containers.create(yard.settings("/bin/sleep", **settings))
    return yard.containers.start(record.id)


def clear_away(yard: Yard) -> None:
    """Remove every container by force, whatever a test left of it."""
    for record in yard.containers.list():
        yard.containers.remove(record.id, if_running=IfRunning.KILL)
    yard.containers.reconcile()


def _children(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir()) if directory.exists() else []
