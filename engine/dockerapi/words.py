"""Numbers and times as docker writes them for people (go-units)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.containers.state import ContainerState
from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from engine.containers.record import ContainerRecord

NEVER = "0001-01-01T00:00:00Z"
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
WEEK_HOURS = 24 * 7
BAR = 50


def human_duration(passed: timedelta) -> str:
    """Return *passed* roughly, as in `Up 23 seconds`."""
    seconds = int(passed.total_seconds())
    minutes = seconds // 60
    hours = int(passed.total_seconds() / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    return _long_duration(hours)


def _long_duration(hours: int) -> str:
    if hours < WEEK_HOURS * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // WEEK_HOURS} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // (24 * 30)} months"
    return f"{hours // 24 // 365} years"


def human_size(size: float) -> str:
    """Return *size* in decimal units with four digits, as in `1.982MB`."""
    unit = 0
    while size >= 1000 and unit < len(_SIZES) - 1:
        size /= 1000
        unit += 1
    return f"{size:.4g}{_SIZES[unit]}"


def progress_bar(current: int, total: int) -> str:
    """Return the bar that docker shows beside a layer."""
    if current <= 0 and total <= 0:
        return ""
    if total <= 0:
        return f"{human_size(current):>8}"
    done = min(BAR, int(current / total * 100) // 2)
    numbers = human_size(current).rjust(8)
    numbers += f"/{human_size(total)}" if current <= total else ""
    return f"[{'=' * done}>{' ' * (BAR - done)}] {numbers}"


def go_time(moment: datetime | None) -> str:
    """Return *moment* as Go writes it: no more digits than needed; a year 1 that means never."""
    if moment is None:
        return NEVER
    written = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return written + "Z"


def status_text(record: ContainerRecord, now: datetime) -> str:
    """Return the STATUS column of `docker ps`."""
    match record.state:
        case ContainerState.RUNNING | ContainerState.PAUSED:
            up = f"Up {human_duration(now - (record.started_at or now))}"
            return f"{up} (Paused)" if record.state is ContainerState.PAUSED else up
        case ContainerState.RESTARTING:
            return f"Restarting ({record.exit_code or 0}) {_ago(record, now)}"
        case ContainerState.REMOVING:
            return "Removal In Progress"
        case ContainerState.DEAD:
            return "Dead"
        case ContainerState.CREATED:
            return "Created"
        case ContainerState.EXITED:
            return f"Exited ({record.exit_code or 0}) {_ago(record, now)}"


def _ago(record: ContainerRecord, now: datetime) -> str:
    return f"{human_duration(now - (record.finished_at or now))} ago"


_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str, name: str) -> int:
    """Return the bytes in *text*, where `10m` are binary units; raise `Refusal` (400)."""
    if text == "-1":
        return -1
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Refusal(400, f"invalid size for {name}: '{text[:40]}'")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])
