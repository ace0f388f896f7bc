"""What looks at an engine root as a whole, and cleans it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.cleanup.acts import Tools
from engine.cleanup.housekeeper import Housekeeper
from engine.cleanup.lookout import Lookout
from engine.cleanup.measurer import Measurer
from engine.cleanup.plan_store import PlanStore
from engine.cleanup.sources import Sources
from engine.cleanup.surveyor import Surveyor
from engine.ledger.sizes import MeasuredSizes
from engine.wiring.images import wire_image_trash

if TYPE_CHECKING:
    from engine.build.builds import Builds
    from engine.containers.containers import Containers
    from engine.images.images import Images
    from engine.networks.networks import Networks
    from engine.registry.registries import Registries
    from engine.wiring.ground import Ground


@dataclass(frozen=True)
class Cleaning:
    """Who cleans up a root, and who knows what takes its disk."""

    housekeeper: Housekeeper
    surveyor: Surveyor
    lookout: Lookout
    measurer: Measurer


def wire_cleanup(
    ground: Ground,
    *,
    images: Images,
    containers: Containers,
    builds: Builds,
    networks: Networks,
    registries: Registries,
) -> Cleaning:
    """Return what cleans up after these nouns of an engine."""
    database, clock = ground.database, ground.clock
    sources = _wire_sources(ground, images, containers, builds)
    measurer = Measurer(sources, MeasuredSizes(database, clock), database, clock)
    lookout = Lookout(sources, measurer, networks=networks, database=database, clock=clock)
    tools = Tools(
        sources=sources,
        lookout=lookout,
        networks=networks,
        registries=registries,
        leases=ground.leases,
        database=database,
        plans=PlanStore(database, clock),
        clock=clock,
    )
    return Cleaning(Housekeeper(tools), Surveyor(sources), lookout, measurer)


def _wire_sources(
    ground: Ground, images: Images, containers: Containers, builds: Builds
) -> Sources:
    return Sources(
        paths=ground.paths,
        images=images,
        containers=containers,
        volumes=ground.volumes,
        builds=builds,
        snapshotter=ground.snapshotter,
        content=ground.content,
        image_trash=wire_image_trash(ground, containers),
    )
