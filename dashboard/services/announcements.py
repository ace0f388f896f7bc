"""Which jobs' ends people are told of, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.jobs import JobName
from dashboard.models import JobState, NoticeKind
from dashboard.permissions import ROLE_FOR_POLICIES
from dashboard.services.notifications import notify

if TYPE_CHECKING:
    from dashboard.models import Job

POLICY = JobName.CLEAN_UP_BY_POLICY.value
CLEAN_UPS = frozenset(
    {
        JobName.CLEAN_UP_NETWORKS.value,
        JobName.RUN_CLEAN_UP.value,
        JobName.EMPTY_TRASH.value,
        JobName.RESTORE_FROM_TRASH.value,
    }
)


def announce(job: Job) -> None:
    """
    Tell people how *job* ended, where it is of a kind that they are told of.

    Called in the transaction that ended it. Policies and an emptied trash are the team's business;
    that a clean-up failed is told to who asked for it. A policy that found nothing says nothing.
    """
    if job.name == POLICY:
        _announce_policy(job)
    elif job.state == JobState.FAILED and job.name in CLEAN_UPS:
        title = f"{job.title} failed on {job.host_id}"
        _tell(job, NoticeKind.CLEANUP_FAILED, title, _error(job), is_for_team=False)
    elif job.state == JobState.SUCCEEDED and job.name == JobName.EMPTY_TRASH.value:
        title = f"{job.requested_by.username} emptied the trash of {job.host_id}"
        _tell(job, NoticeKind.TRASH_EMPTIED, title, _message(job))


def _announce_policy(job: Job) -> None:
    name = job.arguments.get("name", "A policy")
    outcome = job.outcome or {}
    if job.state == JobState.FAILED:
        title = f"{name} failed on {job.host_id}"
        _tell(job, NoticeKind.POLICY_FAILED, title, _error(job))
    elif job.state == JobState.SUCCEEDED and (outcome.get("removed") or outcome.get("trashed")):
        title = f"{name} cleaned up {job.host_id}"
        _tell(job, NoticeKind.POLICY_RUN, title, _message(job))


def _tell(job: Job, kind: NoticeKind, title: str, body: str, *, is_for_team: bool = True) -> None:
    notify(
        kind,
        title,
        body,
        job.get_absolute_url(),
        users=[job.requested_by],
        roles=[ROLE_FOR_POLICIES] if is_for_team else (),
        data=_facts(job),
        key=f"job-{job.pk}",
    )


def _facts(job: Job) -> dict[str, object]:
    outcome = job.outcome or {}
    return {
        "job": str(job.pk),
        "name": job.name,
        "host": job.host_id,
        "state": job.state,
        "requested_by": job.requested_by.username,
        "policy": job.arguments.get("name", "") if job.name == POLICY else "",
        "freed_bytes": outcome.get("freed_bytes", 0),
        "removed": len(outcome.get("removed", ())),
        "trashed": len(outcome.get("trashed", ())),
        "skipped": len(outcome.get("skipped", ())),
    }


def _message(job: Job) -> str:
    return str((job.outcome or {}).get("message", ""))


def _error(job: Job) -> str:
    told = job.error or {}
    return " ".join(filter(None, (told.get("message", ""), told.get("remedy", ""))))
