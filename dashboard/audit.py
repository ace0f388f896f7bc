"""Writing the audit trail. Call these inside the transaction that does what they record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.models import AuditEntry, AuditOutcome, Job

if TYPE_CHECKING:
    from dashboard.models import Container, User

# Who did it, where nobody asked at that moment.
UPKEEP = "shipshape"
OUTCOME_OF_STATE = {
    "succeeded": AuditOutcome.SUCCEEDED,
    "failed": AuditOutcome.FAILED,
    "cancelled": AuditOutcome.CANCELLED,
}


def record_job(job: Job, *, user: User, address: str | None) -> AuditEntry:
    """Record that *user* asked for *job*, which may have been asked for by somebody else before."""
    return AuditEntry.objects.create(
        user=user,
        actor=user.username,
        address=address or None,
        action=job.name,
        host_name=job.host_id,
        object_kind=job.object_kind,
        object_id=job.object_id,
        summary=job.title,
        job=job,
    )


def record_terminal(
    container: Container, *, user: User, summary: str, address: str | None
) -> AuditEntry:
    """Record that *user* asked for a terminal in *container*, whose end is written in later."""
    return AuditEntry.objects.create(
        user=user,
        actor=user.username,
        address=address or None,
        action="containers.terminal",
        host_name=container.host_id,
        object_kind="container",
        object_id=container.container_id,
        summary=summary[:255],
    )


def record_cancel(job: Job, *, user: User, address: str | None) -> AuditEntry:
    """Record that *user* asked to cancel *job*."""
    return AuditEntry.objects.create(
        user=user,
        actor=user.username,
        address=address or None,
        action="jobs.cancel",
        host_name=job.host_id,
        object_kind="job",
        object_id=str(job.pk),
        summary=f"Cancel: {job.title}"[:255],
        outcome=AuditOutcome.SUCCEEDED,
    )


def record_account(
    action: str, *, user: User, account: User, summary: str, address: str | None
) -> AuditEntry:
    """Record that *user* changed *account* as *summary* says."""
    return record_change(
        action,
        user=user,
        object_kind="account",
        object_id=account.username,
        summary=summary,
        address=address,
    )


def record_change(
    action: str, *, user: User, object_kind: str, object_id: str, summary: str, address: str | None
) -> AuditEntry:
    """Record a change that *user* made at once, without a job."""
    return AuditEntry.objects.create(
        user=user,
        actor=user.username,
        address=address or None,
        action=action,
        object_kind=object_kind,
        object_id=object_id[:512],
        summary=summary[:255],
        outcome=AuditOutcome.SUCCEEDED,
    )


def record_upkeep(action: str, *, host: str, summary: str) -> AuditEntry:
    """Record what *host* did by itself, because its settings say so."""
    return AuditEntry.objects.create(
        actor=UPKEEP,
        action=action,
        host_name=host,
        object_kind="host",
        object_id=host,
        summary=summary[:255],
        outcome=AuditOutcome.SUCCEEDED,
    )


def record_own_change(action: str, *, object_kind: str, object_id: str, summary: str) -> AuditEntry:
    """Record a change that nobody asked for at that moment: it was made by the product itself."""
    return AuditEntry.objects.create(
        actor=UPKEEP,
        action=action,
        object_kind=object_kind,
        object_id=object_id[:512],
        summary=summary[:255],
        outcome=AuditOutcome.SUCCEEDED,
    )


def close_entries(job: Job, *, message: str = "") -> None:
    """Write how *job* ended into every entry that asked for it."""
    outcome = OUTCOME_OF_STATE[job.state]
    entries = AuditEntry.objects.filter(job_id=job.pk, outcome=AuditOutcome.REQUESTED)
    entries.update(outcome=outcome, message=message[:4096])
