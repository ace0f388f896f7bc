"""Making and removing volumes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from engine.volumes.settings import ANONYMOUS, VolumeSettings
from workers.inventory import Inventory
from workers.task import job_task
from workers.words import bytes_in_words

if TYPE_CHECKING:
    from dashboard.arguments import CreateVolume, RemoveVolume
    from workers.work import Outcome, Work


@job_task(JobName.CREATE_VOLUME)
def create_volume(work: Work[CreateVolume]) -> Outcome:
    """Have the volume there; one without a name is called after the job, so that it comes once."""
    told = work.arguments
    name = told.name or hashlib.sha256(str(work.job.pk).encode()).hexdigest()
    labels = dict(told.labels) if told.name else {**told.labels, ANONYMOUS: ""}
    settings = VolumeSettings(name=name, labels=labels, options=dict(told.options))
    volume = work.engine.volumes.create(settings, owner=work.owner)
    Inventory(work.engine, work.job.host_id).project_volumes()
    return {"message": f"{volume.name[:64]} is there.", "volume": volume.name}


@job_task(JobName.REMOVE_VOLUME)
def remove_volume(work: Work[RemoveVolume]) -> Outcome:
    """Have the volume gone, with all that it holds."""
    told = work.arguments
    try:
        # Whoever ran this before may have been killed after the removal.
        freed = work.engine.volumes.remove(told.name, force=told.force or work.is_takeover)
    finally:
        Inventory(work.engine, work.job.host_id).project_volumes()
    return {"message": f"Removed. Freed {bytes_in_words(freed)}.", "freed_bytes": freed}
