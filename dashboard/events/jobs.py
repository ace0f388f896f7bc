"""Jobs, what they print, and the builds among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.template.loader import render_to_string

from dashboard import selectors
from dashboard.events.sending import JOBS_GROUP, after_commit, send_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.events.shapes import JobEvent, JobLogEvent, Noun, RowEvent
    from dashboard.models import Job, JobLogLine


def publish_job(job: Job) -> None:
    """Show *job* as it is now on every open page."""
    after_commit(_send_job, job.pk)


def publish_job_log(job: Job, lines: Sequence[JobLogLine]) -> None:
    """Add *lines* to the log of *job* on every page that shows it."""
    event: JobLogEvent = {
        "type": "job-log",
        "id": str(job.pk),
        "lines": [{"number": line.number, "text": line.text, "step": line.step} for line in lines],
    }
    if lines:
        after_commit(send_event, JOBS_GROUP, event)


def _send_job(pk: Any) -> None:
    job = selectors.find_job_row(pk)
    if job is None:
        return
    event: JobEvent = {
        "type": "job",
        "id": str(job.pk),
        "key": job.row_id,
        "host": job.host_id,
        "name": job.name,
        "title": job.title,
        "state": job.state,
        "is_cancelling": job.is_cancelling,
        "percent": job.percent,
        "progress": job.progress,
        "object": {"kind": job.object_kind, "id": job.object_id},
        "requested_by": job.requested_by.username,
        "message": str((job.error or job.outcome or {}).get("message", "")),
        "html": render_to_string("dashboard/jobs/_row.html", {"job": job}),
    }
    send_event(JOBS_GROUP, event)
    if job.is_build:
        _send_build(pk)


def _send_build(pk: Any) -> None:
    """A build also has a row in the list of builds, and a timeline on its page."""
    build = selectors.find_build_row(pk)
    if build is None:
        return
    html = render_to_string("dashboard/builds/_row.html", {"build": build})
    steps = render_to_string("dashboard/builds/_steps.html", {"job": build.job})
    host, job_id = build.job.host_id, str(build.job.pk)
    for noun, key, text in (("build", build.row_id, html), ("steps", build.steps_id, steps)):
        event: RowEvent = {
            "type": "row",
            "noun": cast("Noun", noun),
            "host": host,
            "id": job_id,
            "key": key,
            "html": text,
        }
        send_event(JOBS_GROUP, event)
