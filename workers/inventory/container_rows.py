"""From the engine's record of a container to the values of its row."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidReference
from engine.oci.reference import Reference
from engine.settings.lease import expiry_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.models import Image
    from engine.containers.record import ContainerRecord

ID_PREFIX = "sha256:"


def container_values(
    record: ContainerRecord,
    *,
    image: Image | None,
    image_of: Callable[[str], str | None],
) -> dict[str, Any]:
    """
    Return what the row of *record* should say.

    *image* is the row of its image; *image_of* tells the ID of the image that a canonical reference
    names today. Sizes are not in it: they are measured, not recorded.
    """
    return {
        "name": record.name,
        "image_id": image.pk if image else None,
        "image_digest": str(record.image_id),
        "image_reference": record.image_reference,
        "tag_moved_on": has_moved_on(record.image_reference, str(record.image_id), image_of),
        "command": shlex.join(record.command),
        "state": record.state.value,
        "exit_code": record.exit_code,
        "oom_killed": record.oom_killed,
        "error": record.error,
        "pid": record.pid or None,
        "created_at": record.created_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "health": record.health.status.value if record.health else "",
        "owner": record.owner,
        "auto_remove": record.settings.auto_remove,
        "expires_at": expiry_of(record.settings.labels),
        "memory_limit": record.settings.memory_bytes or None,
        "settings": record.settings.to_json(),
    }


def has_moved_on(reference: str, image_id: str, image_of: Callable[[str], str | None]) -> bool:
    """Whether *reference*, by which *image_id* was chosen, is a tag of another image today."""
    tag = tag_of(reference)
    today = image_of(tag) if tag else None
    return today is not None and today != image_id


def tag_of(image: str) -> str | None:
    """Return *image* as a canonical reference if it is a name with a tag; None for IDs."""
    if image.startswith(ID_PREFIX):
        return None
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return None
    return str(reference) if reference.tag and not reference.digest else None
