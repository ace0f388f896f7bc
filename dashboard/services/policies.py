"""Clean-up policies: each change one transaction with its schedule and its audit entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard import audit
from dashboard.errors import NameOfAnotherPolicy
from dashboard.jobs import JobName
from dashboard.models import CleanupPolicy, Host, Job, NoticeKind
from dashboard.models.job import ACTIVE_STATES
from dashboard.permissions import ROLE_FOR_POLICIES, check_permitted, is_permitted
from dashboard.services.jobs import request_job
from dashboard.services.notifications import notify
from dashboard.services.schedules import forget_schedule, is_due, keep_in_step

if TYPE_CHECKING:
    from dashboard.arguments.policies import PolicySchedule, PolicyTerms
    from dashboard.models import User


@dataclass(frozen=True, slots=True)
class PolicyWish:
    """All that somebody says about a policy; *hosts* are names, none for every host."""

    terms: PolicyTerms
    schedule: PolicySchedule
    hosts: tuple[str, ...] = ()
    into_trash: bool = True


def save_policy(
    wish: PolicyWish,
    *,
    user: User,
    policy: CleanupPolicy | None = None,
    address: str | None = None,
) -> CleanupPolicy:
    """
    Return *policy*, or a new one that is off, which now says what *wish* does.

    Where it is on it runs in *user*'s name from then on: nobody vouches for what another wrote.
    Raise `NotPermitted` or `NameOfAnotherPolicy`; nothing is stored.
    """
    check_permitted(user, ROLE_FOR_POLICIES)
    verb = "Made" if policy is None else "Changed"
    saved = policy or CleanupPolicy(created_by=user)
    _fill(saved, wish)
    if saved.is_enabled:
        saved.switched_on_by = user
    try:
        with transaction.atomic():
            saved.save()
            saved.hosts.set(Host.objects.filter(name__in=wish.hosts))
            keep_in_step(saved)
            _record("policies.save", verb, saved, user, address)
    except IntegrityError as error:
        raise NameOfAnotherPolicy(wish.terms.name) from error
    return saved


def switch_policy(
    policy: CleanupPolicy, *, on: bool, user: User, address: str | None = None
) -> None:
    """
    Have *policy* on, in *user*'s name, or off.

    Its first run is at the next of its times, not at once.
    """
    check_permitted(user, ROLE_FOR_POLICIES)
    with transaction.atomic():
        policy.is_enabled, policy.paused_because = on, ""
        policy.switched_on_by = user if on else policy.switched_on_by
        policy.last_due_at = timezone.now() if on else policy.last_due_at
        policy.save()
        keep_in_step(policy)
        _record("policies.switch", f"Switched {'on' if on else 'off'}", policy, user, address)


def delete_policy(policy: CleanupPolicy, *, user: User, address: str | None = None) -> None:
    """Forget *policy* and its schedule; what its runs did stays in the jobs."""
    check_permitted(user, ROLE_FOR_POLICIES)
    with transaction.atomic():
        _record("policies.delete", "Deleted", policy, user, address)
        forget_schedule(policy)
        policy.delete()


def run_policy(policy: CleanupPolicy, *, user: User, address: str | None = None) -> tuple[Job, ...]:
    """
    Return the jobs that do now what *policy* says, one on each of its hosts; it may be off.

    A host on which a run of it has not ended gets no second one; that run is returned.
    """
    check_permitted(user, ROLE_FOR_POLICIES)
    with transaction.atomic():
        locked = _locked(policy.pk)
        return _ask_hosts(locked, user, address, scheduled=False) if locked else ()


def run_due_policy(policy_id: int) -> tuple[Job, ...]:
    """
    Return the jobs of a policy whose time has come, none where it has not or where it is off.

    They are asked for in the name of who switched it on, or changed it since. Where that account
    may not do so any more the policy pauses, and whoever may switch it on again is told.
    """
    with transaction.atomic():
        policy, now = _locked(policy_id), timezone.now()
        if policy is None or not is_due(policy):
            return ()
        if policy.switched_on_by is None or not is_permitted(
            policy.switched_on_by, ROLE_FOR_POLICIES
        ):
            _pause(policy)
            return ()
        policy.last_due_at = now
        policy.save(update_fields=["last_due_at"])
        return _ask_hosts(policy, policy.switched_on_by, None, scheduled=True)


def _locked(policy_id: int) -> CleanupPolicy | None:
    # Of two askers at once the second sees the jobs of the first.
    found = CleanupPolicy.objects.select_for_update(of=("self",))
    return found.select_related("task", "switched_on_by").filter(pk=policy_id).first()


def _ask_hosts(
    policy: CleanupPolicy, user: User, address: str | None, *, scheduled: bool
) -> tuple[Job, ...]:
    told = {"policy_id": policy.pk, "name": policy.name, "scheduled": scheduled}
    jobs = []
    for host in policy.reached:
        active = _active_run(policy, host)
        if active and scheduled:
            continue
        jobs.append(
            active
            or request_job(
                name=JobName.CLEAN_UP_BY_POLICY,
                host=host.name,
                arguments=told,
                user=user,
                address=address,
            )
        )
    return tuple(jobs)


def _active_run(policy: CleanupPolicy, host: Host) -> Job | None:
    return Job.objects.filter(
        name=JobName.CLEAN_UP_BY_POLICY.value,
        host=host,
        object_kind="policy",
        object_id=str(policy.pk),
        state__in=ACTIVE_STATES,
    ).first()


def _pause(policy: CleanupPolicy) -> None:
    who = policy.switched_on_by.username if policy.switched_on_by else "whoever switched it on"
    because = f"{who} may not run policies any more"
    policy.is_enabled, policy.paused_because = False, because
    policy.save(update_fields=["is_enabled", "paused_because"])
    keep_in_step(policy)
    summary = f"Paused the policy {policy.name}: {because}"
    audit.record_own_change(
        "policies.pause", object_kind="policy", object_id=str(policy.pk), summary=summary
    )
    notify(
        NoticeKind.POLICY_PAUSED,
        f"The policy {policy.name} is paused",
        f"{because}. Switch it on again in your own name, or leave it off.",
        policy.get_absolute_url(),
        roles=[ROLE_FOR_POLICIES],
        data={"policy": policy.name},
    )


def _fill(policy: CleanupPolicy, wish: PolicyWish) -> None:
    terms, schedule = wish.terms.to_json(), wish.schedule
    for name, value in terms.items():
        setattr(policy, name, value)
    policy.every_hours, policy.crontab = schedule.every_hours, schedule.crontab
    policy.on_all_hosts, policy.into_trash = not wish.hosts, wish.into_trash


def _record(action: str, verb: str, policy: CleanupPolicy, user: User, address: str | None) -> None:
    audit.record_change(
        action,
        user=user,
        object_kind="policy",
        object_id=str(policy.pk),
        summary=f"{verb} the policy {policy.name}",
        address=address,
    )
