"""`docker system df`: what takes the disk, each layer counted once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.build.prune import DIRECTORY, STEP
from engine.containers.status import status_words
from engine.dockerapi.image_selection import shared_sizes
from engine.dockerapi.mounted import mounts_of
from engine.dockerapi.shapes_containers import container_summary
from engine.dockerapi.shapes_images import image_summary
from engine.dockerapi.standing import Standings
from engine.dockerapi.volumes import usage_of, volume_details
from engine.dockerapi.words import go_time
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.containers.record import ContainerRecord
    from engine.dockerapi.versions import ApiVersion
    from engine.engine import Engine
    from engine.images.record import ImageRecord

KINDS = ("container", "image", "volume", "build-cache")


def usage_details(engine: Engine, version: ApiVersion, kinds: Sequence[str]) -> dict[str, Any]:
    """Return the answer to `GET /system/df`; *kinds* of none means all."""
    wanted = kinds or KINDS
    images = engine.images.list()
    containers = engine.containers.list()
    details: dict[str, Any] = {}
    if "image" in wanted:
        details["LayersSize"] = layers_size(images)
        details["Images"] = _images(images, containers, version)
    if "container" in wanted:
        details["Containers"] = _containers(engine, images, containers, version)
    if "volume" in wanted:
        details["Volumes"] = [
            volume_details(each, usage=usage_of(engine, each)) for each in engine.volumes.list()
        ]
    if "build-cache" in wanted:
        rows = cache_rows(engine)
        details |= {"BuildCache": rows, "BuilderSize": sum(each["Size"] for each in rows)}
    return details


def cache_rows(engine: Engine) -> list[dict[str, Any]]:
    """Return the entries of the build cache; one whose layer an image has is shared."""
    usage = engine.builds.cache()
    in_images = {layer.chain_id for image in engine.images.list() for layer in image.layers}
    rows = [
        {
            "ID": step.key[:25],
            "Type": STEP,
            "Description": step.created_by,
            "InUse": False,
            "Shared": step.layer.chain_id in in_images,
            "Size": step.layer.size,
            "CreatedAt": go_time(step.created_at),
            "LastUsedAt": go_time(step.last_used_at),
            "UsageCount": step.uses,
        }
        for step in usage.steps
        if step.layer is not None
    ]
    mounts = [
        {
            "ID": each.name[:25],
            "Type": DIRECTORY,
            "Description": each.description,
            "InUse": False,
            "Shared": False,
            "Size": each.bytes,
            "CreatedAt": go_time(each.note.created_at if each.note else each.last_used_at),
            "LastUsedAt": go_time(each.last_used_at),
            "UsageCount": each.note.uses if each.note else 1,
        }
        for each in usage.directories
    ]
    return rows + mounts


def layers_size(images: Sequence[ImageRecord]) -> int:
    """Return the bytes of all layers, each counted once."""
    sizes = {layer.chain_id: layer.size for image in images for layer in image.layers}
    return sum(sizes.values())


def _images(
    images: Sequence[ImageRecord], containers: Sequence[ContainerRecord], version: ApiVersion
) -> list[dict[str, Any]]:
    users = Counter(each.image_id for each in containers)
    shared = shared_sizes(images)
    return [
        image_summary(each, version, containers=users[each.id], shared=shared[each.id])
        for each in images
    ]


def _containers(
    engine: Engine,
    images: Sequence[ImageRecord],
    containers: Sequence[ContainerRecord],
    version: ApiVersion,
) -> list[dict[str, Any]]:
    now = SYSTEM_CLOCK.now()
    sizes = {each.id: each.size for each in images}
    standings = Standings(engine)
    rows = []
    for each in containers:
        written = engine.containers.size(each.id)
        both = (written, written + sizes.get(each.image_id, 0))
        rows.append(
            container_summary(
                each,
                status_words(each, now),
                image=each.settings.image,
                standing=standings.of(each),
                mounts=mounts_of(engine, each.id),
                version=version,
                sizes=both,
            )
        )
    return rows
