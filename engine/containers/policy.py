"""
Restart policies: whether a container that ended is started again, and when. Pure.

The wait before a restart is docker's: 100 ms, twice as long each time up to a minute, and short
again after a run of more than ten seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from engine.containers.record import ContainerRecord
    from engine.settings import RestartPolicy

FIRST = timedelta(milliseconds=100)
LONGEST = timedelta(minutes=1)
LONG_RUN = timedelta(seconds=10)
NO_WAIT = timedelta()


@dataclass(frozen=True, slots=True)
class Restart:
    """A container is started again at *at*; *backoff* is how long it waits before that."""

    at: datetime
    backoff: timedelta


def restart_after(record: ContainerRecord, code: int, finished_at: datetime) -> Restart | None:
    """Return the restart that follows the end of a run with *code*, or None."""
    policy = record.settings.restart
    if record.was_stopped or not wants_restart(policy, code, count=record.restart_count):
        return None
    lasted = finished_at - (record.started_at or finished_at)
    before = NO_WAIT if lasted > LONG_RUN else record.backoff
    backoff = min(2 * before, LONGEST) or FIRST
    return Restart(finished_at + backoff, backoff)


def wants_restart(policy: RestartPolicy, code: int, *, count: int) -> bool:
    """Whether *policy* starts a container again that ended with *code* after *count* restarts."""
    if policy.name == "on-failure":
        return code != 0 and (policy.max_retries == 0 or count < policy.max_retries)
    return policy.survives_reboot


def starts_with_the_host(record: ContainerRecord) -> bool:
    """Whether a container at rest is started once the machine was; one that never ran is not."""
    if record.started_at is None:
        return False
    if record.settings.restart.name == "unless-stopped":
        return not record.was_stopped
    return record.settings.restart.name == "always"
