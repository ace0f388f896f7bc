"""Cleaning up exactly what the page showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from workers.inventory import Inventory
from workers.task import job_task
from workers.words import bytes_in_words, counted

if TYPE_CHECKING:
    from dashboard.arguments import CleanUpContainers, CleanUpImages
    from engine.cleanup.plan import CleanupReport
    from workers.work import Outcome, Work


@job_task(JobName.CLEAN_UP_IMAGES)
def clean_up_images(work: Work[CleanUpImages]) -> Outcome:
    """Have those of the untagged images gone that still are untagged and unused."""
    report = work.engine.cleanup.remove_dangling_images(
        work.arguments.ids, progress=work.progress, cancellation=work.cancellation
    )
    Inventory(work.engine, work.job.host_id).project_images()
    return reported(report, "untagged image")


@job_task(JobName.CLEAN_UP_CONTAINERS)
def clean_up_containers(work: Work[CleanUpContainers]) -> Outcome:
    """Have those of the stopped containers gone that still do not run."""
    report = work.engine.cleanup.remove_stopped_containers(
        work.arguments.ids, progress=work.progress, cancellation=work.cancellation
    )
    Inventory(work.engine, work.job.host_id).project_containers(work.arguments.ids)
    return reported(report, "stopped container")


def reported(report: CleanupReport, noun: str) -> Outcome:
    """Return what went, what came free, and what stayed and why."""
    gone = counted(len(report.removed), noun)
    message = f"Removed {gone}, freed {bytes_in_words(report.freed_bytes)}."
    if report.skipped:
        message += f" Left {len(report.skipped)} alone."
    return {
        "message": message,
        "freed_bytes": report.freed_bytes,
        "removed": list(report.removed),
        "skipped": [{"id": each.id, "reason": each.reason} for each in report.skipped],
    }
