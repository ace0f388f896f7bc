"""Times as the specifications write them: RFC 3339, with up to nine digits of fraction."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: str) -> datetime | None:
    """Return the time that *text* spells, to the microsecond, in UTC; None if it is no time."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(UTC)
        return moment + timedelta(microseconds=int((fraction or "0").ljust(9, "0")) // 1000)
    except (ValueError, OverflowError):
        return None


def render_timestamp(moment: datetime) -> str:
    """Return *moment* in UTC with microseconds and a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nanoseconds(moment: datetime) -> int:
    """Return *moment* as whole nanoseconds since 1970, exact to the microsecond."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def from_nanoseconds(value: int) -> datetime:
    """Return the moment *value* nanoseconds after 1970, cut to the microsecond."""
    return EPOCH + timedelta(microseconds=value // 1000)


def microseconds(moment: datetime) -> int:
    """Return *moment* as whole microseconds since 1970; any year fits 64 bits so."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """Return the moment *value* microseconds after 1970."""
    return EPOCH + timedelta(microseconds=value)
