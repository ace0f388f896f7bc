"""The jobs of a host: under way, done, failed, and cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dashboard.models import Job, JobLogLine
from tests.support.mess.makers import MB, hex_id, make_job

if TYPE_CHECKING:
    from dashboard.models import Host, User


def make_jobs(host: Host, users: dict[str, User]) -> None:
    """Make the jobs of *host*, whose containers are there."""
    ada, otto = users["ada"], users["otto"]
    _pulling(host, otto)
    _waiting(host, ada)
    _launched(host, otto)
    _refused(host, ada)
    _cleaned_up(host, otto)
    _stopped(host, otto)
    _cancelled(host, ada)


def _pulling(host: Host, user: User) -> None:
    make_job(
        host,
        user,
        "Pull python:3.12",
        ago=timedelta(seconds=9),
        name="images.pull",
        state="running",
        finished_at=None,
        progress=pull_progress(),
    )


def _waiting(host: Host, user: User) -> None:
    make_job(
        host,
        user,
        "Launch cache from redis:7",
        ago=timedelta(seconds=4),
        name="containers.launch",
        state="queued",
        started_at=None,
        finished_at=None,
    )


def _launched(host: Host, user: User) -> None:
    web = host.containers.get(name="web-1")
    make_job(
        host,
        user,
        "Launch web-1 from team/web:187",
        ago=timedelta(hours=26),
        name="containers.launch",
        object_kind="container",
        object_id=web.container_id,
        outcome={"message": "web-1 is running.", "container_id": web.container_id},
    )


def _refused(host: Host, user: User) -> None:
    failed = make_job(
        host,
        user,
        "Pull registry.example.org/team/api:12",
        ago=timedelta(minutes=50),
        name="images.pull",
        state="failed",
        error={
            "kind": "denied",
            "code": "access-denied",
            "message": "The registry registry.example.org refused: team/api is not yours to pull",
            "remedy": "Save a password for that registry, or ask who runs it.",
            "retryable": False,
        },
    )
    printed = (
        "Resolving team/api:12",
        "401 from the registry",
        "Asked for a token",
        "403 from the registry",
    )
    for number, text in enumerate(printed, 1):
        JobLogLine.objects.create(job=failed, number=number, text=text)
    Job.objects.filter(pk=failed.pk).update(log_line_count=len(printed))


def _cleaned_up(host: Host, user: User) -> None:
    make_job(
        host,
        user,
        "Clean up 9 untagged images",
        ago=timedelta(hours=2),
        name="cleanup.images",
        outcome={
            "message": "Removed 8 images; 1 stayed.",
            "freed_bytes": 1_912_000_000,
            "removed": 8,
            "skipped": [{"id": hex_id("kept"), "reason": "container ui-preview was made from it"}],
        },
    )


def _stopped(host: Host, user: User) -> None:
    make_job(
        host,
        user,
        "Stop container 4f1d0c9be311",
        ago=timedelta(hours=3),
        outcome={"message": "load-test stopped."},
    )


def _cancelled(host: Host, user: User) -> None:
    make_job(
        host,
        user,
        "Pull postgres:16",
        ago=timedelta(days=2),
        name="images.pull",
        state="cancelled",
        outcome={"message": "Cancelled."},
    )


def pull_progress() -> dict[str, Any]:
    """Return the progress of a pull half way."""
    rows = [
        ("debian", "Already exists", 49 * MB, 49 * MB),
        ("python", "Pull complete", 64 * MB, 64 * MB),
        ("pip", "Extracting", 120 * MB, 211 * MB),
        ("wheel", "Downloading", 14 * MB, 25 * MB),
        ("config", "Waiting", 0, 0),
    ]
    return {
        "phase": "downloading",
        "current": 187 * MB,
        "total": 349 * MB,
        "unit": "bytes",
        "rows": [
            {
                "id": hex_id(name)[:12],
                "label": hex_id(name)[:12],
                "status": status,
                "current": current,
                "total": total,
            }
            for name, status, current, total in rows
        ],
    }
