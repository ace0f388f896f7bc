"""Making and removing volumes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from engine.errors import EngineError, VolumeNotFound
from engine.volumes.settings import ANONYMOUS, VolumeSettings
from workers.inventory import Inventory
from workers.owners import sort_out
from workers.task import job_task
from workers.words import bytes_in_words, counted

if TYPE_CHECKING:
    from dashboard.arguments import CleanUpVolumes, CreateVolume, RemoveVolume
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


@job_task(JobName.CLEAN_UP_VOLUMES)
def clean_up_volumes(work: Work[CleanUpVolumes]) -> Outcome:
    """Have those of the volumes gone that no container uses."""
    names, skipped = sort_out(work, "volume", work.arguments.ids)
    removed: list[str] = []
    freed = 0
    for name in names:
        work.cancellation.check()
        try:
            freed += work.engine.volumes.remove(name)
            removed.append(name)
        except VolumeNotFound:
            continue
        except EngineError as error:
            skipped.append({"id": name, "reason": error.message})
    Inventory(work.engine, work.job.host_id).project_volumes()
    left = f" Left {len(skipped)} alone." if skipped else ""
    gone = counted(len(removed), "volume")
    message = f"Removed {gone}, freed {bytes_in_words(freed)}.{left}"
    return {"message": message, "freed_bytes": freed, "removed": removed, "skipped": skipped}
