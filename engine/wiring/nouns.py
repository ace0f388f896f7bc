"""Registries, containers, builds and the check of an engine, each over the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.build.assembly import open_builds
from engine.build.running import ContainerRunner
from engine.check.wiring import Means, make_checker
from engine.containers.bundle import Bundles
from engine.containers.containers import open_containers
from engine.images.unpack import Unpacker
from engine.registry.certificates import Certificates
from engine.registry.connector import RegistryConnector
from engine.registry.dockerconfig import DockerConfig
from engine.registry.urls import Reach
from engine.wiring.images import wire_collector, wire_deriver, wire_layer_bytes

if TYPE_CHECKING:
    from engine.build.builds import Builds
    from engine.check.checker import Checker
    from engine.containers.containers import Containers
    from engine.images.images import Images
    from engine.registry.download import UrlDownloads
    from engine.registry.transport import HttpTransport
    from engine.wiring.ground import Ground


def wire_connector(
    ground: Ground, transport: HttpTransport, plain_http: frozenset[str]
) -> RegistryConnector:
    """Return what opens registries; those in *plain_http*, besides loopback, without TLS."""
    return RegistryConnector(
        transport,
        Reach(plain_http),
        certificates=Certificates(ground.paths.certificates),
        settings_file=ground.paths.registries,
        keychain=DockerConfig.of_user(),
    )


def wire_containers(ground: Ground) -> Containers:
    """Return the containers of an engine."""
    return open_containers(
        paths=ground.paths,
        database=ground.database,
        events=ground.events,
        locks=ground.locks,
        snapshotter=ground.snapshotter,
        images=ground.images,
        deriver=wire_deriver(ground),
        networks=ground.networks,
        volumes=ground.volumes,
        clock=ground.clock,
    )


def wire_builds(
    ground: Ground, containers: Containers, images: Images, downloads: UrlDownloads
) -> Builds:
    """Return the builds of an engine."""
    return open_builds(
        paths=ground.paths,
        database=ground.database,
        images=ground.images,
        source=images,
        store=ground.content,
        snapshotter=ground.snapshotter,
        unpacker=Unpacker(ground.snapshotter, ground.locks),
        runner=ContainerRunner(containers.oneshots()),
        downloads=downloads,
        leases=ground.leases,
        collector=wire_collector(ground),
        locks=ground.locks,
        clock=ground.clock,
    )


def wire_checker(ground: Ground, containers: Containers, connect: RegistryConnector) -> Checker:
    """Return what holds the disk against the records."""
    means = Means(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshotter=ground.snapshotter,
        unpacker=Unpacker(ground.snapshotter, ground.locks),
        source=wire_layer_bytes(ground),
        leases=ground.leases,
        locks=ground.locks,
        collector=wire_collector(ground),
        connect=connect,
        containers=containers,
        bundles=Bundles(ground.paths),
        volumes=ground.volumes,
    )
    return make_checker(means)
