"""Clean-up policies, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import CharField, OuterRef, Subquery
from django.db.models.functions import Cast

from dashboard.arguments import PolicySchedule, PolicyTerms
from dashboard.errors import PolicyNotFound
from dashboard.jobs import JobName
from dashboard.models import CleanupPolicy, Job
from dashboard.permissions import ROLE_FOR_POLICIES
from dashboard.selectors.jobs import rows as job_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from dashboard.models import Host

RUNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy with all that pages show of it."""

    policy: CleanupPolicy
    hosts: tuple[Host, ...]
    last_run: Job | None

    @property
    def terms(self) -> PolicyTerms:
        """What it takes."""
        return PolicyTerms.of(self.policy)

    @property
    def schedule(self) -> PolicySchedule:
        """When it runs."""
        return PolicySchedule.of(self.policy)

    @property
    def lost_its_voucher(self) -> bool:
        """Whether it is on in the name of somebody who may not have it run any more."""
        who = self.policy.switched_on_by
        return self.policy.is_enabled and not (who and who.has_role(ROLE_FOR_POLICIES))


def policies() -> tuple[PolicyRow, ...]:
    """Return all policies by name, with their last runs."""
    key = Cast(OuterRef("pk"), CharField())
    newest = runs_of(key).values("pk")[:1]
    found = list(_policies().annotate(last_run_id=Subquery(newest)))
    last = {job.pk: job for job in job_rows().filter(pk__in=[each.last_run_id for each in found])}
    return tuple(
        PolicyRow(each, tuple(each.hosts.all()), last.get(each.last_run_id)) for each in found
    )


def get_policy(policy_id: int) -> PolicyRow:
    """Return one policy; raise `PolicyNotFound`."""
    policy = _policies().filter(pk=policy_id).first()
    if policy is None:
        raise PolicyNotFound(policy_id)
    return PolicyRow(policy, tuple(policy.hosts.all()), runs_of(str(policy_id)).first())


def policy_runs(policy: CleanupPolicy) -> Iterable[Job]:
    """Return the last runs of *policy*, newest first."""
    return tuple(runs_of(str(policy.pk))[:RUNS_SHOWN])


def runs_of(policy_id: object) -> QuerySet[Job]:
    """Return the runs of the policy of that ID, newest first."""
    found = job_rows().filter(
        name=JobName.CLEAN_UP_BY_POLICY.value, object_kind="policy", object_id=policy_id
    )
    return found.order_by("-created_at", "-id")


def _policies() -> QuerySet[CleanupPolicy]:
    found = CleanupPolicy.objects.select_related(
        "created_by", "switched_on_by", "task__interval", "task__crontab"
    )
    return found.prefetch_related("hosts")
