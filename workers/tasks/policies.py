"""Clean-up policies: asking for their runs at their times, and carrying one out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dashboard.arguments import PolicyTerms
from dashboard.errors import PolicyNotFound
from dashboard.jobs import RUN_POLICY, JobName
from dashboard.models import CleanupPolicy
from dashboard.services import run_due_policy
from workers.app import app
from workers.policies import engine_policy
from workers.task import job_task
from workers.tasks.trash import outcome_of, show

if TYPE_CHECKING:
    from dashboard.arguments import CleanUpByPolicy
    from engine.cleanup.plan import SealedPlan
    from workers.work import Outcome, Work

# Whoever takes over the work of a killed worker carries out the plan that this one made.
PLAN_KEPT = timedelta(days=1)
SWITCHED_OFF: Outcome = {"message": "The policy was switched off meanwhile: nothing was done."}
GONE_BEFORE = "is gone already"


@app.task(name=RUN_POLICY)
def run_policy(*, policy_id: int) -> None:
    """Have the jobs of a policy asked for, if its time has come."""
    run_due_policy(policy_id)


@job_task(JobName.CLEAN_UP_BY_POLICY)
def clean_up_by_policy(work: Work[CleanUpByPolicy]) -> Outcome:
    """
    Have that gone, or in the trash, which the policy took when this job began, and nothing else.

    What it takes is a stored plan, which the job remembers before anything goes.
    """
    plan_id = work.remembered.get("plan_id")
    if plan_id is None:
        policy = find_policy(work.arguments.policy_id)
        if work.arguments.scheduled and not policy.is_enabled:
            return SWITCHED_OFF
        plan_id = _plan(work, policy).id
    into_trash = bool(work.remembered["into_trash"])
    plan = work.engine.cleanup.plan(plan_id)
    try:
        report = work.engine.cleanup.run(
            plan.id,
            into_trash=into_trash,
            owner=work.owner,
            progress=work.progress,
            cancellation=work.cancellation,
        )
    finally:
        show(work, ((each.kind, each.id) for each in plan.items))
    in_trash = work.engine.cleanup.trash.list()
    return {**outcome_of(plan, report, in_trash), "plan_id": plan.id, "into_trash": into_trash}


def find_policy(policy_id: int) -> CleanupPolicy:
    """Return the policy of that ID; raise `PolicyNotFound`."""
    found = CleanupPolicy.objects.filter(pk=policy_id).first()
    if found is None:
        raise PolicyNotFound(policy_id)
    return found


def _plan(work: Work[CleanUpByPolicy], policy: CleanupPolicy) -> SealedPlan:
    plan = work.engine.cleanup.preview_policy(
        engine_policy(PolicyTerms.of(policy)), owner=work.owner, expires_after=PLAN_KEPT
    )
    work.remember({"plan_id": plan.id, "into_trash": policy.into_trash})
    for rule in PolicyTerms.of(policy).rules:
        work.say(rule.title)
    return plan
