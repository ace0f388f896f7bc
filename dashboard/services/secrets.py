"""Secrets of jobs: written with the job, read by the worker that runs it, forgotten at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard import vault
from dashboard.models import JobSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from dashboard.models import Job


def keep_secrets(job: Job, secrets: Mapping[str, str]) -> None:
    """Keep *secrets* for *job*, encrypted. Call it in the transaction that makes the job."""
    JobSecret.objects.bulk_create(
        JobSecret(job=job, name=name, encrypted_value=vault.encrypt(value))
        for name, value in secrets.items()
    )


def reveal_secrets(job_id: UUID) -> dict[str, str]:
    """Return the secrets of a job in the clear; nothing once it has ended."""
    rows = JobSecret.objects.filter(job_id=job_id)
    return {row.name: vault.decrypt(row.encrypted_value) for row in rows}


def forget_secrets(job: Job) -> None:
    """Forget the secrets of *job*. Call it in the transaction that ends the job."""
    JobSecret.objects.filter(job=job).delete()
