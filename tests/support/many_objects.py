"""A root that holds very much, as records: making each thing for real would take hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.record import ContainerRecord
from engine.containers.state import ContainerState
from engine.images.record import DocumentRecord, LayerRecord
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.media_types import OCI_LAYER
from engine.oci.platform import host_platform
from engine.oci.reference import Reference
from engine.settings import ContainerSettings
from engine.snapshots.snapshotter import Kind
from tests.support.images import MADE_AT

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.system.database import Transaction

LAYER_BYTES = 8192
OLD = timedelta(hours=1)


def add_images(engine: Engine, first: int, last: int, *, layers: int, bases: int) -> None:
    """
    Record the images *first* up to *last*, each on one of *bases* stacks; one in ten has no tag.

    Three quarters of an image's layers are its base's.
    """
    images, database = engine._ground.images, engine._ground.database
    for number in range(first, last):
        config = _config(number % bases, number, layers)
        chains = chain_ids(config.diff_ids)
        records = [
            LayerRecord(chain, diff_id, diff_id, LAYER_BYTES, LAYER_BYTES, OCI_LAYER)
            for chain, diff_id in zip(chains, config.diff_ids, strict=True)
        ]
        tags = [Reference.parse(f"many/image{number}:1")] if number % 10 else []
        with database.write(survives_power_cut=False) as transaction:
            _add_layers(transaction, [str(each) for each in chains])
            images.ensure_image(
                config,
                records,
                documents=[DocumentRecord(config.image_id, 4096)],
                tags=tags,
                source="build",
            )


def add_containers(engine: Engine, first: int, last: int, *, stopped: int) -> None:
    """
    Record the containers *first* up to *last*, of images that have tags, with writable layers.

    The first *stopped* ended an hour ago; by their records, the others are paused.
    """
    means, snapshotter = engine.containers._means, engine._ground.snapshotter
    images = [each for each in engine.images.list_sketches() if each.tags]
    model = _container(images[0].id, means.clock.now() - OLD)
    with means.database.write(survives_power_cut=False):
        for number in range(first, last):
            image = images[number % (len(images) // 2)]
            record = replace(model, id=f"{number:064x}", name=f"many-{number}", image_id=image.id)
            if number - first >= stopped:
                record = replace(record, state=ContainerState.PAUSED, finished_at=None)
            snapshotter.prepare(record.id, parent=None)
            means.store.insert(record)


def _add_layers(transaction: Transaction, chains: list[str]) -> None:
    below: int | None = None
    for chain in chains:
        transaction.execute(
            "INSERT OR IGNORE INTO snapshots (key, kind, parent, size) VALUES (?, ?, ?, ?)",
            (chain, Kind.COMMITTED, below, LAYER_BYTES),
        )
        row = transaction.execute("SELECT id FROM snapshots WHERE key = ?", (chain,)).fetchone()
        below = row["id"]


def _config(base: int, number: int, layers: int) -> ImageConfig:
    shared = layers * 3 // 4
    names = [b"base %d %d" % (base, each) for each in range(shared)]
    names += [b"own %d %d" % (number, each) for each in range(layers - shared)]
    content = render_config(
        platform=host_platform(),
        diff_ids=tuple(DiffID(Digest.of(each)) for each in names),
        history=(HistoryEntry(MADE_AT, created_by="RUN true"),),
        defaults=ProcessDefaults(labels={"org.example.number": str(number)}),
        created_at=MADE_AT + timedelta(seconds=number),
    )
    return ImageConfig.parse(content)


def _container(image_id: object, ended: object) -> ContainerRecord:
    return ContainerRecord(
        id="",
        name="",
        image_id=image_id,  # type: ignore[arg-type]
        image_reference="many/image1:1",
        settings=ContainerSettings(image="many/image1:1", command=("true",), network="none"),
        command=("true",),
        state=ContainerState.EXITED,
        pid=0,
        exit_code=0,
        oom_killed=False,
        error="",
        created_at=ended,  # type: ignore[arg-type]
        started_at=ended,  # type: ignore[arg-type]
        finished_at=ended,  # type: ignore[arg-type]
        owner="ana",
    )
