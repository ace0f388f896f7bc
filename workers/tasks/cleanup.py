"""Cleaning up exactly what the page showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from workers.inventory import Inventory
from workers.owners import sort_out
from workers.task import job_task
from workers.words import bytes_in_words, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.arguments import CleanUpContainers, CleanUpImages
    from engine.cleanup.plan import CleanupReport
    from workers.work import Outcome, SkippedItem, Work


@job_task(JobName.CLEAN_UP_IMAGES)
def clean_up_images(work: Work[CleanUpImages]) -> Outcome:
    """Have those of the untagged images gone that still are untagged and unused."""
    ids, others = sort_out(work, "image", work.arguments.ids)
    report = work.engine.cleanup.remove_dangling_images(
        ids, progress=work.progress, cancellation=work.cancellation
    )
    Inventory(work.engine, work.job.host_id).project_images()
    return reported(report, "untagged image", others)


@job_task(JobName.CLEAN_UP_CONTAINERS)
def clean_up_containers(work: Work[CleanUpContainers]) -> Outcome:
    """Have those of the stopped containers gone that still do not run."""
    ids, others = sort_out(work, "container", work.arguments.ids)
    report = work.engine.cleanup.remove_stopped_containers(
        ids, progress=work.progress, cancellation=work.cancellation
    )
    Inventory(work.engine, work.job.host_id).project_containers(work.arguments.ids)
    return reported(report, "stopped container", others)


def reported(report: CleanupReport, noun: str, others: Sequence[SkippedItem]) -> Outcome:
    """Return what went, what came free, and what stayed and why, *others* among it."""
    skipped = list(others)
    skipped += [{"id": each.id, "reason": each.reason} for each in report.skipped]
    gone = counted(len(report.removed), noun)
    message = f"Removed {gone}, freed {bytes_in_words(report.freed_bytes)}."
    if skipped:
        message += f" Left {len(skipped)} alone."
    return {
        "message": message,
        "freed_bytes": report.freed_bytes,
        "removed": list(report.removed),
        "skipped": skipped,
    }
