"""What an image without a tag used to be, told from the moves of its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.build.request import FAILED_LABEL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.images.record import TagMove
    from engine.oci.digest import ImageID

NEVER_NAMED = "never had a tag here"
FAILED_BUILD = "the state before a build step that failed"
HOW = {
    "pull": "replaced by a newer pull",
    "build": "replaced by a newer build",
    "load": "replaced by a loaded image",
    "starter": "replaced by a new starter image",
    "tag": "the tag was given to another image",
    "untag": "untagged",
    "delete": "untagged",
}


def story_of(image_id: ImageID, moves: Sequence[TagMove], labels: Collection[str] = ()) -> str:
    """
    Return how *image_id* lost its last name, from *moves*, the latest first, and *labels*.

    For example: was web:latest until Tue 4 Mar 14:02 UTC, replaced by a newer pull, ana.
    """
    last = next((move for move in moves if move.previous == image_id), None)
    if last is None:
        return FAILED_BUILD if FAILED_LABEL in labels else NEVER_NAMED
    moment = last.moved_at
    until = f"{moment:%a} {moment.day} {moment:%b %H:%M} UTC"
    how = HOW.get(last.reason, "replaced" if last.image_id else "untagged")
    by = f", {last.moved_by}" if last.moved_by else ""
    return f"was {last.reference.familiar} until {until}, {how}{by}"
