"""
Until when something is wanted, as people write it: `4 hours`, `Friday`, `2026-12-04 18:00`.

Times are UTC, as everywhere in the product. A day alone means its end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = timedelta(days=366)
# Extending by one click.
STEPS = {"day": timedelta(days=1), "week": timedelta(weeks=1)}
END_OF_DAY = time(23, 59, tzinfo=UTC)

_SPANS = {"hour": timedelta(hours=1), **STEPS}
_SPAN = re.compile(r"(?:in )?(\d{1,4}) ?(h|hours?|d|days?|w|weeks?)", re.ASCII)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REMEDY = "Write 4 hours, Friday, 1 week, 2026-12-04 or 2026-12-04 18:00."


def read_lease(text: str, *, now: datetime) -> datetime | None:
    """Return the moment that *text* means at *now*, None where empty; raise `InvalidSetting`."""
    words = " ".join(text.lower().split()).removeprefix("until ")
    if not words:
        return None
    moment = next((each for each in _readings(words, now) if each is not None), None)
    if moment is None:
        raise InvalidSetting("lease", f"{text[:60]!r} is no time", remedy=_REMEDY)
    if moment <= now:
        raise InvalidSetting("lease", f"{text[:60]!r} is over already", remedy=_REMEDY)
    if moment - now > LONGEST:
        raise InvalidSetting("lease", f"{text[:60]!r} is more than a year away", remedy=_REMEDY)
    return moment


def render_lease(moment: datetime | None) -> str:
    """Return what `read_lease` reads as *moment*, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def extended(moment: datetime | None, step: str, *, now: datetime) -> datetime | None:
    """Return a lease until *moment* by a *step* longer, from *now* where it was over or none."""
    start = max(moment, now) if moment else now
    return start + STEPS[step]


def _readings(words: str, now: datetime) -> Iterator[datetime | None]:
    yield _span(words, now)
    yield _weekday(words, now)
    yield _date(words)


def _span(words: str, now: datetime) -> datetime | None:
    if (found := _SPAN.fullmatch(words)) is None:
        return None
    unit = next(name for name in _SPANS if name.startswith(found[2][0]))
    return now + int(found[1]) * _SPANS[unit]


def _weekday(words: str, now: datetime) -> datetime | None:
    if words in {"today", "tomorrow"}:
        return _end_of(now + (words == "tomorrow") * timedelta(days=1))
    if words not in _DAYS:
        return None
    ahead = (_DAYS.index(words) - now.astimezone(UTC).weekday()) % 7
    # Whoever says the name of today means the next one.
    return _end_of(now + timedelta(days=ahead or 7))


def _date(words: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(words.removesuffix(" utc"))
    except ValueError:
        return None
    if len(words) == len("2026-12-04"):
        return _end_of(moment.replace(tzinfo=UTC))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end_of(day: datetime) -> datetime:
    return datetime.combine(day.astimezone(UTC).date(), END_OF_DAY)
