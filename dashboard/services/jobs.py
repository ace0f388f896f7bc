"""Asking for work, and asking to stop it."""

from __future__ import annotations

import hashlib
import json
import uuid
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard import audit, events, jobs
from dashboard.arguments import Arguments, Thing, parse_arguments
from dashboard.errors import BelongsToAnother
from dashboard.jobs import JobName
from dashboard.models import Host, Job, JobState, User
from dashboard.permissions import (
    ROLE_FOR_JOB,
    ROLE_TO_CANCEL,
    check_permitted,
    check_reach,
    check_takes,
    may_take,
    whose,
)
from dashboard.selectors.hosts import get_host
from dashboard.selectors.owners import find_owned, owners_of
from dashboard.services.secrets import forget_secrets, keep_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

# How often an active job that we meant to join may end under our hands before we give up.
JOIN_ATTEMPTS = 5
NO_SECRETS: Mapping[str, str] = MappingProxyType({})


def request_job(
    *,
    name: JobName,
    host: str,
    arguments: Mapping[str, Any],
    user: User,
    address: str | None = None,
    idempotency_key: str = "",
    secrets: Mapping[str, str] = NO_SECRETS,
) -> Job:
    """
    Return the job that does this, with *user*'s request for it in the audit trail.

    An active job for the same thing on the same host is joined, not repeated; of selections only
    one's own. Launches differ from each other even with equal settings, unless they carry the same
    *idempotency_key* (a form sent twice), and so do jobs with *secrets*, which are kept beside the
    job, encrypted, until it ends.
    The job is sent after commit; with the broker down it stays queued and is sent later.

    Raise `NotPermitted`, `ReachesHost`, `BelongsToAnother`, `HostNotFound`, or `InvalidInput` that
    names the field; nothing is stored.
    """
    check_permitted(user, ROLE_FOR_JOB[name])
    parsed = parse_arguments(name, arguments)
    check_reach(user, parsed.reach)
    found = get_host(host)
    check_takes(user, parsed, owners_of(host, parsed.takes), host=host)
    key = _dedupe_key(name, host, parsed, user, idempotency_key, has_secrets=bool(secrets))
    with transaction.atomic():
        job, is_new = _create_or_join(name, found, parsed, user, key)
        audit.record_job(job, user=user, address=address)
        if is_new:
            keep_secrets(job, secrets)
            jobs.enqueue(job)
            events.publish_job(job)
    return job


def cancel_job(*, job: Job, user: User, address: str | None = None) -> bool:
    """
    Cancel *job* and return whether that changed anything.

    A queued job is cancelled at once. A running one is asked to stop, and says so; its worker ends
    it. A job that ended stays as it is.

    Raise `NotPermitted`, or `BelongsToAnother` where an operator did not ask for it.
    """
    check_permitted(user, ROLE_TO_CANCEL)
    asker = job.requested_by.username
    if not may_take(user, asker):
        raise BelongsToAnother(f"The job “{job.title}”", whose(asker))
    now = timezone.now()
    with transaction.atomic():
        changed = _cancel_queued(job, now) or _ask_to_stop(job, now)
        if changed:
            audit.record_cancel(job, user=user, address=address)
    job.refresh_from_db()
    if changed:
        events.publish_job(job)
    return changed


def _dedupe_key(
    name: JobName,
    host: str,
    arguments: Arguments,
    user: User,
    idempotency_key: str,
    *,
    has_secrets: bool,
) -> str:
    """Return what two requests for the same thing have in common."""
    told: object = arguments.to_json()
    if name is JobName.LAUNCH_CONTAINER:
        told = idempotency_key or uuid.uuid4().hex
    parts = [name.value, host, told]
    if arguments.is_selection:
        # What becomes of a selection depends on who asked, so only their own job is theirs.
        parts.append(user.pk)
    if has_secrets:
        parts.append(uuid.uuid4().hex)
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _create_or_join(
    name: JobName, host: Host, arguments: Arguments, user: User, key: str
) -> tuple[Job, bool]:
    # The partial unique constraint decides the race, not a look beforehand.
    for _ in range(JOIN_ATTEMPTS):
        try:
            with transaction.atomic():
                return _create(name, host, arguments, user, key), True
        except IntegrityError:
            active = Job.objects.select_related("host").filter(
                dedupe_key=key,
                state__in=(JobState.QUEUED, JobState.RUNNING),
                cancel_requested_at=None,
            )
            job = active.first()
            if job is not None:
                return job, False
    raise AssertionError("a job that is active by constraint cannot be found")


def _create(name: JobName, host: Host, arguments: Arguments, user: User, key: str) -> Job:
    return Job.objects.create(
        name=name.value,
        title=_title_of(arguments, host)[:255],
        host=host,
        object_kind=arguments.object_kind,
        object_id=arguments.subject[:512],
        arguments=arguments.to_json(),
        requested_by=user,
        dedupe_key=key,
    )


def _title_of(arguments: Arguments, host: Host) -> str:
    """Return the job in words, in which a thing of the host is called by its name of today."""
    thing = Thing(arguments.object_kind, arguments.subject)
    owned = find_owned(host.name, thing, miss=True)
    return arguments.title.replace(thing.short_id, owned.name) if owned else arguments.title


def _cancel_queued(job: Job, now: Any) -> bool:
    queued = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
    if not queued.update(
        state=JobState.CANCELLED,
        cancel_requested_at=now,
        finished_at=now,
        outcome={"message": "Cancelled before it began."},
    ):
        return False
    job.state = JobState.CANCELLED
    forget_secrets(job)
    audit.close_entries(job, message="Cancelled before it began.")
    return True


def _ask_to_stop(job: Job, now: Any) -> bool:
    running = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, cancel_requested_at=None)
    return bool(running.update(cancel_requested_at=now))
