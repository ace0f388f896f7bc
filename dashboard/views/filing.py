"""Asking for the job that a form or a button stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard import services
from dashboard.services.jobs import NO_SECRETS
from dashboard.views.answers import address_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.jobs import JobName
    from dashboard.models import Job
    from dashboard.permissions import SignedInRequest


def file_job(
    request: SignedInRequest,
    name: JobName,
    host: str,
    arguments: Mapping[str, Any],
    *,
    idempotency_key: str = "",
    secrets: Mapping[str, str] = NO_SECRETS,
) -> Job:
    """Return the job of *name* on *host* that whoever sent *request* has asked for."""
    return services.request_job(
        name=name,
        host=host,
        arguments=arguments,
        user=request.user,
        address=address_of(request),
        idempotency_key=idempotency_key,
        secrets=secrets,
    )
