"""Leases: telling owners before they end, and asking for their end when nobody extended them."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from dashboard.jobs import JobName
from dashboard.leases import render_lease
from dashboard.models import Container, Job, JobState, NoticeKind, Role, User
from dashboard.permissions import may_take
from dashboard.services.jobs import request_job
from dashboard.services.notifications import notify
from engine.errors import EngineError

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger(__name__)

NOTICE_BEFORE = timedelta(hours=24)
# What was over for so long was asked for, and stays where it is: the job of that is forgotten one
# day, and what somebody restored must not end once more for it.
OVER_FOR = timedelta(days=30)
MOST = 500
AGAIN_AFTER = timedelta(hours=1)
MOST_TRIES = 5


def tell_of_leases(now: datetime) -> None:
    """Tell whom it concerns of leases that end within a day, each once for each end."""
    soon = Container.objects.filter(expires_at__gt=now, expires_at__lte=now + NOTICE_BEFORE)
    for container in soon.order_by("expires_at")[:MOST]:
        until = f"{render_lease(container.expires_at)} UTC"
        _tell(
            container,
            "soon",
            f"The lease of {container.name} ends at {until}",
            f"Then it is stopped on {container.host_id} and moved to the trash. "
            "Extend it if it is still wanted.",
        )


def end_leases(now: datetime) -> list[Job]:
    """
    Return the jobs that end the leases which are over, each asked for once for each end.

    A job asks again, when it is done, whether somebody extended the lease meanwhile. Where one
    failed, another follows an hour later, a few times. One that cannot be asked for is written
    down, and keeps no other waiting.
    """
    over = Container.objects.filter(expires_at__lte=now, expires_at__gt=now - OVER_FOR)
    jobs = (_asked(each, now) for each in over.order_by("-expires_at")[:MOST])
    return [job for job in jobs if job is not None]


def _asked(container: Container, now: datetime) -> Job | None:
    try:
        return _end(container, now)
    except EngineError as error:
        log.warning("the lease of %s cannot be ended: %s", container.container_id, error)
        return None


def _end(container: Container, now: datetime) -> Job | None:
    end = container.expires_at
    # As the job has it, which is how one finds it again.
    until = end.astimezone(UTC).isoformat(timespec="seconds") if end else ""
    told = {"container_id": container.container_id, "until": until}
    executor = _executor(container.owner)
    if executor is None or _was_ended(container, until, now):
        return None
    job = request_job(name=JobName.END_LEASE, host=container.host_id, arguments=told, user=executor)
    _tell(
        container,
        "over",
        f"The lease of {container.name} is over",
        f"It is stopped on {container.host_id} and moved to the trash, from where it can be "
        "restored.",
    )
    return job


def _was_ended(container: Container, until: str, now: datetime) -> bool:
    asked = Job.objects.filter(
        name=JobName.END_LEASE,
        host_id=container.host_id,
        object_id=container.container_id,
        arguments__until=until,
    )
    if asked.exclude(state=JobState.FAILED).exists():
        return True
    # One that failed is not asked for every minute; whoever looks at the job sees why.
    is_recent = ~Q(finished_at__lte=now - AGAIN_AFTER)
    return asked.filter(is_recent).exists() or asked.count() >= MOST_TRIES


def _executor(owner: str) -> User | None:
    """Return in whose name a lease ends: the owner's, or where that cannot be a maintainer's."""
    account = User.objects.filter(username=owner).first()
    if account is not None and may_take(account, owner):
        return account
    others = User.objects.filter(is_active=True, role__in=(Role.MAINTAINER, Role.ADMIN))
    return others.order_by("pk").first()


def _tell(container: Container, occasion: str, title: str, body: str) -> None:
    account = User.objects.filter(username=container.owner, is_active=True).first()
    end = render_lease(container.expires_at)
    notify(
        NoticeKind.LEASE_ENDS,
        title,
        body,
        container.get_absolute_url(),
        users=[account] if account else (),
        roles=() if account else (Role.MAINTAINER,),
        data={"host": container.host_id, "container": container.container_id, "ends": end},
        key=f"lease.{occasion}.{container.pk}.{end}",
    )
