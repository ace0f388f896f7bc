"""The images of an engine, and what serves them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.images.add import Adder
from engine.images.copy import Copier
from engine.images.derive import Deriver
from engine.images.files import LayerFiles
from engine.images.gc import Collector
from engine.images.images import Images
from engine.images.import_tar import Importer
from engine.images.layer_bytes import LayerBytes
from engine.images.load import Loader
from engine.images.places import BlobPlaces
from engine.images.pull import REGISTRY, Puller
from engine.images.pull_all import AllTagsPuller
from engine.images.push import Pusher
from engine.images.remove import Remover
from engine.images.save import Saver
from engine.images.starter import StarterMaker
from engine.images.sync_receive import Receiver
from engine.images.sync_send import Sender
from engine.images.trash import ImageTrash
from engine.images.unpack import Unpacker
from engine.layers.index import find_index

if TYPE_CHECKING:
    from engine.containers.containers import Containers
    from engine.images.ports import ImageHolders
    from engine.images.pull import Connect
    from engine.layers.index import LayerIndex
    from engine.oci.digest import ChainID
    from engine.registry.connector import RegistryConnector
    from engine.wiring.ground import Ground


def wire_images(ground: Ground, holders: ImageHolders, connect: RegistryConnector) -> Images:
    """Return the images of an engine; *holders* know which of them have to stay."""
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    collector = wire_collector(ground)
    puller = _wire_puller(ground, unpacker, collector, connect)
    return Images(
        store=ground.images,
        puller=puller,
        all_tags_puller=AllTagsPuller(puller=puller, connect=connect),
        pusher=_wire_pusher(ground, connect),
        copier=Copier(connect=connect, places=BlobPlaces(ground.database, ground.clock)),
        sender=_wire_sender(ground),
        receiver=Receiver(
            lambda source: _wire_puller(ground, unpacker, collector, source, kind="sync")
        ),
        remover=_wire_remover(ground, collector, holders),
        saver=_wire_saver(ground),
        loader=_wire_loader(ground, unpacker, collector),
        importer=_wire_importer(ground, unpacker, collector),
        files=_wire_files(ground),
        collector=collector,
        make_starter=StarterMaker(_wire_adder(ground, unpacker, collector)),
    )


def wire_image_trash(ground: Ground, containers: Containers) -> ImageTrash:
    """Return the trash of an engine's images."""
    return ImageTrash(
        database=ground.database,
        images=ground.images,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        users=containers,
        collector=wire_collector(ground),
        clock=ground.clock,
    )


def wire_collector(ground: Ground) -> Collector:
    """Return what takes away what no image needs."""
    return Collector(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        locks=ground.locks,
        clock=ground.clock,
    )


def _wire_adder(ground: Ground, unpacker: Unpacker, collector: Collector) -> Adder:
    return Adder(
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
    )


def _wire_pusher(ground: Ground, connect: RegistryConnector) -> Pusher:
    return Pusher(
        connect=connect,
        images=ground.images,
        store=ground.content,
        source=wire_layer_bytes(ground),
        leases=ground.leases,
        places=BlobPlaces(ground.database, ground.clock),
    )


def _wire_sender(ground: Ground) -> Sender:
    return Sender(
        images=ground.images,
        store=ground.content,
        source=wire_layer_bytes(ground),
        leases=ground.leases,
    )


def wire_layer_bytes(ground: Ground) -> LayerBytes:
    """Return what gives the bytes of layers as others want them."""
    return LayerBytes(
        ground.images, ground.content, ground.snapshotter, spools=ground.paths.content
    )


def _wire_saver(ground: Ground) -> Saver:
    return Saver(
        images=ground.images,
        store=ground.content,
        source=wire_layer_bytes(ground),
        leases=ground.leases,
    )


def _wire_loader(ground: Ground, unpacker: Unpacker, collector: Collector) -> Loader:
    return Loader(
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
        spools=ground.paths.content,
    )


def _wire_files(ground: Ground) -> LayerFiles:
    snapshotter = ground.snapshotter

    def index(chain_id: ChainID) -> LayerIndex | None:
        return find_index(partial(snapshotter.open_note, str(chain_id)), f"layer {chain_id}")

    return LayerFiles(ground.images, index, snapshotter.own_directory)


def _wire_importer(ground: Ground, unpacker: Unpacker, collector: Collector) -> Importer:
    return Importer(_wire_adder(ground, unpacker, collector), ground.clock)


def wire_deriver(ground: Ground) -> Deriver:
    """Return what makes images of others and of containers."""
    unpacker = Unpacker(ground.snapshotter, ground.locks)
    adder = _wire_adder(ground, unpacker, wire_collector(ground))
    return Deriver(ground.images, adder, ground.clock)


def _wire_puller(
    ground: Ground,
    unpacker: Unpacker,
    collector: Collector,
    connect: Connect,
    *,
    kind: str = REGISTRY,
) -> Puller:
    return Puller(
        connect=connect,
        database=ground.database,
        images=ground.images,
        store=ground.content,
        snapshots=ground.snapshotter,
        unpacker=unpacker,
        leases=ground.leases,
        collector=collector,
        source=kind,
    )


def _wire_remover(ground: Ground, collector: Collector, holders: ImageHolders) -> Remover:
    return Remover(
        database=ground.database,
        images=ground.images,
        snapshots=ground.snapshotter,
        leases=ground.leases,
        holders=holders,
        collector=collector,
    )
