"""
Which images and containers a clean-up takes, and why it leaves the others.

Docker's rules: an image without any tag, and a container that does not run. An image behind an
existing container stays, and so does a container that was made only a moment ago and is about to
be started.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine.cleanup.plan import PlannedItem, Skipped
from engine.containers.state import ContainerState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.containers.record import ContainerRecord
    from engine.images.record import ImageRecord

STOPPED = frozenset({ContainerState.EXITED, ContainerState.DEAD, ContainerState.CREATED})
FRESH = timedelta(seconds=60)


def judge_image(image: ImageRecord, holders: Sequence[str]) -> PlannedItem | Skipped:
    """Return *image* as an item to remove, or why it stays; *holders* are its containers."""
    image_id = str(image.id)
    if image.tags:
        return Skipped(image_id, f"has a tag: {image.tags[0].familiar}")
    if holders:
        return Skipped(image_id, "is used by container " + ", ".join(holders))
    return PlannedItem(image_id, image.id.short, "no tag names it", image.added_by, image.added_at)


def judge_container(container: ContainerRecord, now: datetime) -> PlannedItem | Skipped:
    """Return *container* as an item to remove, or why it stays."""
    if container.state not in STOPPED:
        return Skipped(container.id, f"is {container.state.value}")
    if container.state is ContainerState.CREATED and now - container.created_at < FRESH:
        return Skipped(container.id, "was created a moment ago")
    since = container.finished_at or container.created_at
    return PlannedItem(container.id, container.name, _reason(container), container.owner, since)


def _reason(container: ContainerRecord) -> str:
    if container.state is ContainerState.CREATED:
        return "was never started"
    return f"exited with code {container.exit_code}"
