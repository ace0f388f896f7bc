"""Records of many images, for measuring what grows with their number; nothing is unpacked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine import events, leases
from engine.events import EventLog
from engine.images.record import DocumentRecord, LayerRecord
from engine.images.store import SCHEMA, ImageStore
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.media_types import OCI_LAYER
from engine.oci.platform import host_platform
from engine.oci.reference import Reference
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.paths import EnginePaths
from tests.support.images import MADE_AT

if TYPE_CHECKING:
    from pathlib import Path

SHARED_LAYERS, INSTRUCTIONS, LABELS = 5, 12, 8


def add_many(place: Path, *, first: int, last: int) -> None:
    """Record the images *first* up to *last* in the root `place/r` with run directory `place/v`."""
    paths = EnginePaths(place / "r", place / "v")
    paths.ensure()
    database = Database(paths.database, [leases.SCHEMA, events.SCHEMA, SCHEMA])
    images = ImageStore(database, EventLog(database, paths.events, SYSTEM_CLOCK), SYSTEM_CLOCK)
    with database.write():
        for number in range(first, last):
            config = _config(number)
            chains = chain_ids(config.diff_ids)
            layers = [
                LayerRecord(chain, diff_id, diff_id, 4096, 4096, OCI_LAYER)
                for chain, diff_id in zip(chains, config.diff_ids, strict=True)
            ]
            images.ensure_image(
                config,
                layers,
                documents=[DocumentRecord(config.image_id, 4096)],
                tags=[Reference.parse(f"many/image{number}:1")],
                source="build",
            )
    database.close()


def _config(number: int) -> ImageConfig:
    shared = tuple(DiffID(Digest.of(b"shared %d" % each)) for each in range(SHARED_LAYERS))
    content = render_config(
        platform=host_platform(),
        diff_ids=(*shared, DiffID(Digest.of(b"own %d" % number))),
        history=tuple(
            HistoryEntry(MADE_AT, created_by=f"RUN apt-get install package-{each} && true")
            for each in range(INSTRUCTIONS)
        ),
        defaults=ProcessDefaults(
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
            labels={f"org.example.label{each}": f"value {number}" for each in range(LABELS)},
        ),
        created_at=MADE_AT + timedelta(seconds=number),
    )
    return ImageConfig.parse(content)
