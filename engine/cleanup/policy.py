"""
Clean-ups that are to happen again and again, as values, and rehearsing them over the past.

A rehearsal asks at each moment of the past what the rules would have taken of what there was, as if
the policy had been on; what was used after it would have gone would have been missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.cleanup.rules import judge
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from engine.cleanup.history import Life
    from engine.cleanup.plan import SealedItem
    from engine.cleanup.rules import Rule


@dataclass(frozen=True, slots=True)
class Policy:
    """
    Rules with limits.

    One run takes at most *most_items* things and goes on only while what came free is less than
    *most_bytes*; 0 is no limit. Above 0, it begins when the disk is fuller than *high_watermark*, a
    share of its size, and ends below *low_watermark*.
    """

    name: str
    rules: tuple[Rule, ...]
    most_items: int = 0
    most_bytes: int = 0
    high_watermark: float = 0.0
    low_watermark: float = 0.0

    def __post_init__(self) -> None:
        for field in ("most_items", "most_bytes"):
            if getattr(self, field) < 0:
                raise InvalidSetting(field, f"{field} cannot be negative")
        for field in ("high_watermark", "low_watermark"):
            if not 0 <= getattr(self, field) < 1:
                raise InvalidSetting(field, f"{field} is a share of the disk, below 1")
        if self.low_watermark > self.high_watermark:
            raise InvalidSetting("low_watermark", "low_watermark is above high_watermark")


def within_limits(
    policy: Policy,
    items: Sequence[SealedItem],
    *,
    used: int,
    capacity: int,
    freed: Callable[[Iterable[str]], int],
) -> tuple[SealedItem, ...]:
    """
    Return those of *items*, in their order, that one run of *policy* takes.

    *used* bytes of the disk's *capacity* are taken now; *freed* says what comes free with some.
    """
    if policy.high_watermark and used <= policy.high_watermark * capacity:
        return ()
    going: list[SealedItem] = []
    for item in items[: policy.most_items or None]:
        gone = freed(each.id for each in going)
        if policy.most_bytes and gone >= policy.most_bytes:
            break
        if policy.high_watermark and used - gone < policy.low_watermark * capacity:
            break
        going.append(item)
    return tuple(going)


@dataclass(frozen=True, slots=True)
class Departure:
    """A thing that would have gone *at* some moment, and when it would have been missed, if so."""

    id: str
    name: str
    at: datetime
    reason: str
    size: int
    missed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a policy would have done, in the order of time; one thing may have gone twice."""

    departures: tuple[Departure, ...]

    @property
    def missed(self) -> tuple[Departure, ...]:
        """What would have been needed again: pulled, or lost."""
        return tuple(each for each in self.departures if each.missed_at is not None)


def rehearse(
    policy: Policy, lives: Iterable[Life], *, start: datetime, end: datetime, every: timedelta
) -> Rehearsal:
    """
    Return what *policy* would have done from *start* to *end*, run as often as *every* says.

    Watermarks count for nothing, because nobody knows how full the disk was. What would have been
    missed comes back when it was used, as it would have been pulled again.
    """
    known = {each.id: each for each in lives}
    away: dict[str, datetime | None] = {}
    departures: list[Departure] = []
    for now in _moments(start, end, every):
        gone = {key for key, back in away.items() if back is None or back > now}
        found = [each.subject_at(now, gone) for each in known.values() if each.id not in gone]
        items, _ = judge(policy.rules, filter(None, found), now)
        for item in items[: policy.most_items or None]:
            departure = _departure(known, item, now)
            away[item.id] = departure.missed_at
            departures.append(departure)
    return Rehearsal(tuple(departures))


def _departure(known: Mapping[str, Life], item: SealedItem, now: datetime) -> Departure:
    life = known[item.id]
    missed = life.next_use(now)
    return Departure(item.id, item.name, now, item.reason, life.size, missed)


def _moments(start: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    while start <= end:
        yield start
        start += every
