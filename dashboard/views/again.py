"""Asking once more for what a job was asked for, with whatever has to be changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from dashboard import selectors
from dashboard.errors import JobNotFound

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dashboard.jobs import JobName
    from dashboard.models import Job


def asked_before(request: HttpRequest, name: JobName) -> Job | None:
    """Return the job that the address names with `?job=`, if there is one and it is a *name*."""
    with suppress(ValueError, JobNotFound):
        job = selectors.job_detail(UUID(request.GET.get("job", "")))
        return job if job.name == name else None
    return None
