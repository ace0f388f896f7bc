"""
The engine: its parts, wired; one object per noun, one method per verb.

`engine.images.pull(…)`, `engine.containers.start(…)`, `engine.cleanup.preview(…)`.
Opening one is cheap and takes nothing away from others that have the same root open; it is safe to
share between threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from engine.networks.networks import Networks
from engine.progress import NEVER, SILENT
from engine.registry.download import UrlDownloads
from engine.registry.registries import Registries
from engine.registry.transport import HttpTransport
from engine.system.clock import SYSTEM_CLOCK
from engine.system.paths import EnginePaths
from engine.wiring import (
    Ground,
    lay_ground,
    wire_builds,
    wire_checker,
    wire_cleanup,
    wire_connector,
    wire_containers,
    wire_images,
)

if TYPE_CHECKING:
    from types import TracebackType

    from engine.build.builds import Builds
    from engine.check.findings import Report
    from engine.cleanup.housekeeper import Housekeeper
    from engine.cleanup.lookout import Lookout
    from engine.cleanup.measurer import Measurer
    from engine.cleanup.surveyor import Surveyor
    from engine.containers.containers import Containers
    from engine.events import EventLog
    from engine.images.images import Images
    from engine.ledger import Account, DiskUsage
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.connector import RegistryConnector
    from engine.system.clock import Clock
    from engine.volumes.volumes import Volumes


@dataclass(frozen=True)
class Engine:
    """One open engine root."""

    paths: EnginePaths
    images: Images
    containers: Containers
    registries: Registries
    downloads: UrlDownloads
    networks: Networks
    volumes: Volumes
    builds: Builds
    cleanup: Housekeeper
    events: EventLog
    _ground: Ground
    _connect: RegistryConnector
    _transport: HttpTransport
    _surveyor: Surveyor
    _lookout: Lookout
    _measurer: Measurer

    @classmethod
    def open(
        cls,
        paths: EnginePaths | None = None,
        *,
        plain_http: frozenset[str] = frozenset(),
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """
        Open the engine root in *paths*, making it if it is not there.

        Registries in *plain_http*, besides loopback, are spoken to without TLS.
        """
        ground = lay_ground(paths or EnginePaths(), clock)
        transport = HttpTransport(ground.paths.certificates)
        connect = wire_connector(ground, transport, plain_http)
        containers = wire_containers(ground)
        images = wire_images(ground, containers, connect)
        downloads = UrlDownloads(transport)
        builds = wire_builds(ground, containers, images, downloads)
        networks, registries = Networks(ground.networks, containers), Registries(connect)
        cleaning = wire_cleanup(
            ground,
            images=images,
            containers=containers,
            builds=builds,
            networks=networks,
            registries=registries,
        )
        return cls(
            paths=ground.paths,
            images=images,
            containers=containers,
            registries=registries,
            downloads=downloads,
            networks=networks,
            volumes=ground.volumes,
            builds=builds,
            cleanup=cleaning.housekeeper,
            events=ground.events,
            _ground=ground,
            _connect=connect,
            _transport=transport,
            _surveyor=cleaning.surveyor,
            _lookout=cleaning.lookout,
            _measurer=cleaning.measurer,
        )

    def version(self) -> int:
        """Return a number that is another one after any change of a record, whoever made it."""
        return self._ground.database.version()

    def disk(self) -> DiskUsage:
        """
        Return what takes the disk, each byte once.

        What is at rest counts with what it takes; what is in use with what was measured last, and
        *measured_at* says when that was.
        """
        return self._lookout.usage()

    def measure(self, seconds: float) -> int:
        """
        Measure what has to be, or grows and was not measured lately, for so many *seconds*.

        Returns how many things that were. To be called now and then by somebody who is awake.
        """
        return self._measurer.measure_some(seconds)

    def account(self) -> Account:
        """Return what takes the disk, held against what the file system says; walks the root."""
        return self._surveyor.account()

    def reconcile(self) -> None:
        """
        Put right what a crash or a reboot left: settle exits, sweep what no record names.

        Safe at any time, beside everything else.
        """
        self.containers.reconcile()
        self.builds.sweep()
        self.images.sweep()
        self._ground.snapshotter.sweep()

    def check(
        self,
        *,
        repair: bool = False,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> Report:
        """Hold everything on the disk against the records; see `Checker.check`."""
        checker = wire_checker(self._ground, self.containers, self._connect)
        return checker.check(repair=repair, progress=progress, cancellation=cancellation)

    def close(self) -> None:
        """Close the connections to database and registries; containers go on."""
        self._transport.close()
        self._ground.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
