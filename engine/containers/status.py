"""What `docker ps` says of a container: its state in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.health import HealthStatus
from engine.containers.state import ContainerState

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from engine.containers.record import ContainerRecord

_MINUTE, _HOUR, _DAY = 60, 3600, 24 * 3600


def status_words(record: ContainerRecord, now: datetime) -> str:
    """Return the status of the container at the moment *now*, as docker words it."""
    if record.state in {ContainerState.RUNNING, ContainerState.PAUSED}:
        return _up(record, now)
    ago = human_duration(now - (record.finished_at or now))
    match record.state:
        case ContainerState.RESTARTING:
            return f"Restarting ({record.exit_code or 0}) {ago} ago"
        case ContainerState.REMOVING:
            return "Removal In Progress"
        case ContainerState.DEAD:
            return "Dead"
    if record.started_at is None or record.finished_at is None:
        return "Created"
    return f"Exited ({record.exit_code or 0}) {ago} ago"


def _up(record: ContainerRecord, now: datetime) -> str:
    words = f"Up {human_duration(now - (record.started_at or now))}"
    if record.state is ContainerState.PAUSED:
        return f"{words} (Paused)"
    if record.health is None:
        return words
    is_starting = record.health.status is HealthStatus.STARTING
    return f"{words} ({'health: starting' if is_starting else record.health.status})"


def human_duration(duration: timedelta) -> str:
    """Return a rough length of time as docker's units package words it (HumanDuration)."""
    seconds = max(0, int(duration.total_seconds()))
    for limit, words in (
        (1, "Less than a second"),
        (2, "1 second"),
        (_MINUTE, f"{seconds} seconds"),
        (2 * _MINUTE, "About a minute"),
        (_HOUR, f"{seconds // _MINUTE} minutes"),
    ):
        if seconds < limit:
            return words
    return _in_hours(round(seconds / _HOUR))


def _in_hours(hours: int) -> str:
    if hours <= 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"
