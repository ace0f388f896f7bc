"""Naming images, and carrying them to registries and in from files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from dashboard.agents import ask
from dashboard.jobs import JobName
from engine.errors import TagMoved
from engine.images.sync_receive import Wanted
from engine.oci.reference import Reference
from workers.fetching import fetched
from workers.inventory import Inventory
from workers.task import job_task
from workers.tasks.images import credentials_for
from workers.uploads import Uploads
from workers.words import bytes_in_words

if TYPE_CHECKING:
    from dashboard.arguments import CopyImage, FetchImage, LoadImages, PushImage, TagImage
    from engine.images.load import Loaded
    from workers.work import Outcome, Work

# A host that packs a layer anew may be silent for a while, but its agent answers.
PATIENCE_SECONDS = 30.0


@job_task(JobName.TAG_IMAGE)
def tag_image(work: Work[TagImage]) -> Outcome:
    """Have the image called by one more name."""
    told = work.arguments
    image = work.engine.images.tag(told.image_id, told.reference, owner=work.owner)
    Inventory(work.engine, work.job.host_id).project_images()
    name = Reference.parse(told.reference).familiar
    return {"message": f"{image.id.short} is called {name} now.", "image_id": str(image.id)}


@job_task(JobName.PUSH_IMAGE)
def push_image(work: Work[PushImage]) -> Outcome:
    """Have the image at the registry of its name."""
    told = work.arguments
    reference = Reference.parse(told.reference)
    named = work.engine.images.get(told.reference)
    if str(named.id) != told.image_id:
        # What is pushed is what the page showed, and nothing that took its name since.
        raise TagMoved(reference.familiar, now=named.id.short)
    pushed = work.engine.images.push(
        reference,
        credentials=credentials_for(told.credentials_id, reference.registry),
        progress=work.progress,
        cancellation=work.cancellation,
        owner=work.owner,
    )
    return {"message": f"Pushed {reference.familiar}.", "digest": str(pushed.digest)}


@job_task(JobName.COPY_IMAGE)
def copy_image(work: Work[CopyImage]) -> Outcome:
    """Have the target name at its registry what the source does at its own."""
    told = work.arguments
    source, target = Reference.parse(told.source), Reference.parse(told.target)
    copied = work.engine.images.copy(
        source,
        target,
        source_credentials=credentials_for(told.source_credentials_id, source.registry),
        target_credentials=credentials_for(told.target_credentials_id, target.registry),
        progress=work.progress,
        cancellation=work.cancellation,
    )
    return {"message": f"Copied to {target.familiar}.", "digest": str(copied.digest)}


@job_task(JobName.FETCH_IMAGE)
def fetch_image(work: Work[FetchImage]) -> Outcome:
    """Have the image of another host on this one, under the same tag."""
    told = work.arguments
    pulled = fetched(
        partial(ask, told.source, patience=PATIENCE_SECONDS),
        {"image_id": told.image_id, "reference": told.reference},
        partial(
            work.engine.images.receive,
            wanted=Wanted(told.image_id, Reference.parse(told.reference)),
            progress=work.progress,
            cancellation=work.cancellation,
            owner=work.owner,
        ),
        cancellation=work.cancellation,
    )
    Inventory(work.engine, work.job.host_id).project_images()
    name = Reference.parse(told.reference).familiar
    message = f"Fetched {name} from {told.source}."
    return {"message": message, "image_id": str(pulled.image.id)}


@job_task(JobName.LOAD_IMAGES)
def load_images(work: Work[LoadImages]) -> Outcome:
    """Have the images of an uploaded archive on this host, and the archive gone."""
    uploads = Uploads(work.engine.paths.uploads)
    if work.remembered:
        # Whoever ran this before was killed between the end of the load and that of the job.
        uploads.discard(work.arguments.upload)
        return cast("Outcome", work.remembered)
    with uploads.opened(work.arguments.upload) as stream:
        loaded = work.engine.images.load(
            stream, progress=work.progress, cancellation=work.cancellation, owner=work.owner
        )
    Inventory(work.engine, work.job.host_id).project_images()
    outcome = _loaded(loaded)
    work.remember(outcome)
    uploads.discard(work.arguments.upload)
    return outcome


def _loaded(loaded: Loaded) -> Outcome:
    names = [name.familiar for name in loaded.names] or [each.id.short for each in loaded.images]
    size = bytes_in_words(sum(each.size for each in loaded.images))
    message = f"Loaded {', '.join(names[:5])} ({size})."
    return {"message": message, "image_id": str(loaded.images[0].id)}
