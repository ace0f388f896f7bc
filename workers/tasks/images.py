"""Pulling, making and removing images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from dashboard.services import reveal_credential
from engine.errors import ImageNotFound
from engine.oci.reference import Reference
from workers.inventory import Inventory
from workers.task import job_task
from workers.words import bytes_in_words

if TYPE_CHECKING:
    from dashboard.arguments import MakeStarterImage, PullImage, RemoveImage
    from engine.images.record import ImageRemoval
    from engine.registry.credentials import Credentials
    from workers.work import Outcome, Work


@job_task(JobName.PULL_IMAGE)
def pull_image(work: Work[PullImage]) -> Outcome:
    """Have the image, its layers and its tag on this host, as the registry has them now."""
    reference = Reference.parse(work.arguments.reference)
    pulled = work.engine.images.pull(
        work.arguments.reference,
        credentials=credentials_for(work.arguments.credentials_id, reference.registry),
        progress=work.progress,
        cancellation=work.cancellation,
        owner=work.owner,
    )
    Inventory(work.engine, work.job.host_id).project_images()
    said = "Downloaded newer image for" if pulled.is_new else "Image is up to date for"
    return {
        "message": f"{said} {reference.familiar}",
        "image_id": str(pulled.image.id),
        "digest": str(pulled.digest),
    }


@job_task(JobName.MAKE_STARTER_IMAGE)
def make_starter_image(work: Work[MakeStarterImage]) -> Outcome:
    """Have the offline starter image on this host."""
    image = work.engine.images.make_starter(owner=work.owner)
    Inventory(work.engine, work.job.host_id).project_images()
    return {"message": f"Made {image.tags[0].familiar}", "image_id": str(image.id)}


@job_task(JobName.REMOVE_IMAGE)
def remove_image(work: Work[RemoveImage]) -> Outcome:
    """Have the image, or only the one name of it, gone from this host."""
    told = work.arguments
    try:
        removal = work.engine.images.remove(
            told.reference or told.image_id, of=told.image_id, force=told.force, owner=work.owner
        )
    except ImageNotFound:
        # Whoever ran this before may have been killed after the removal.
        if not work.is_takeover:
            raise
        removal = None
    Inventory(work.engine, work.job.host_id).project_images()
    return _removed(removal) if removal else {"message": "It is gone already."}


def _removed(removal: ImageRemoval) -> Outcome:
    untagged = ", ".join(reference.familiar for reference in removal.untagged)
    said = [f"Untagged {untagged}."] if untagged else []
    if removal.deleted:
        said.append(f"Freed {bytes_in_words(removal.freed_bytes)}.")
    return {
        "message": " ".join(said) or "Nothing was left to remove.",
        "freed_bytes": removal.freed_bytes,
        "removed": [str(digest) for digest in removal.deleted],
    }


def credentials_for(credentials_id: int | None, registry: str) -> Credentials | None:
    """Return the password of that number for *registry*, or None for nobody's."""
    if credentials_id is None:
        return None
    # The registry's modules load an HTTP client, which an idle worker does without.
    from engine.registry.credentials import Credentials

    revealed = reveal_credential(credentials_id, registry=registry)
    return Credentials(revealed.username, revealed.password)
