"""
What beat goes by, kept in step with the policies: one row of its tables for each of them.

Called inside the transaction that changes the policy, so that none runs by a schedule that it does
not have any more. Beat sees the change within seconds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from dashboard.arguments.policies import PolicySchedule, cron_fields
from dashboard.jobs import RUN_POLICY, TEAM_QUEUE

if TYPE_CHECKING:
    from dashboard.models import CleanupPolicy

# A message that no worker took for so long is forgotten; the next one comes at its time.
EXPIRE_SECONDS = 600
# Clocks of hosts differ, and an interval counts from when the run before it was asked for.
CRONTAB_SLACK = timedelta(seconds=60)


def keep_in_step(policy: CleanupPolicy) -> None:
    """Have beat ask for *policy* at its times, or not at all while it is off."""
    task = policy.task or PeriodicTask(name=f"Clean-up policy {policy.pk}")
    task.task, task.queue = RUN_POLICY, TEAM_QUEUE
    task.kwargs = f'{{"policy_id": {policy.pk}}}'
    task.expire_seconds, task.enabled = EXPIRE_SECONDS, policy.is_enabled
    task.interval, task.crontab = None, None
    for name, value in _timing(PolicySchedule.of(policy)).items():
        setattr(task, name, value)
    task.save()
    if policy.task_id != task.pk:
        policy.task = task
        policy.save(update_fields=["task"])


def forget_schedule(policy: CleanupPolicy) -> None:
    """Have beat not ask for *policy* any more."""
    if policy.task is not None:
        policy.task.delete()


def is_due(policy: CleanupPolicy) -> bool:
    """
    Whether *policy* is to run now, having been due last at `last_due_at`.

    A message that comes twice, or that nobody's clock sent, finds that it is not.
    """
    if not policy.is_enabled or policy.task is None:
        return False
    if policy.last_due_at is None:
        return True
    left: timedelta = policy.task.schedule.remaining_estimate(policy.last_due_at)
    slack = CRONTAB_SLACK if policy.crontab else timedelta(hours=policy.every_hours) / 2
    return left <= slack


def _timing(schedule: PolicySchedule) -> dict[str, Any]:
    if schedule.crontab:
        times = {**cron_fields(schedule.crontab), "timezone": "UTC"}
        return {"crontab": CrontabSchedule.objects.get_or_create(**times)[0]}
    every = {"every": schedule.every_hours, "period": IntervalSchedule.HOURS}
    return {"interval": IntervalSchedule.objects.get_or_create(**every)[0]}
