"""
What a prune takes, in docker's filters: `until`, `label`, `label!`. Pure.

Several values of one filter: of `label` all must hold, of `until` there may be one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from engine.errors import InvalidSetting
from engine.oci.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)", re.ASCII)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_MOMENTS = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class PruneFilter:
    """
    Which of the things that are not in use go.

    Those made before *until* that have all *labels* and none of *without_labels*; each of these is
    `key` or `key=value`.
    """

    until: datetime | None = None
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()

    @classmethod
    def parse(cls, filters: Mapping[str, Sequence[str]], *, now: datetime) -> Self:
        """Return what docker's filters say; raise `InvalidSetting` for another than the three."""
        for name in filters:
            if name not in {"until", "label", "label!"}:
                raise InvalidSetting("filters", f"invalid filter '{name[:40]}'")
        moments = tuple(filters.get("until", ()))
        if len(moments) > 1:
            raise InvalidSetting("filters", "more than one until filter specified")
        return cls(
            until=parse_moment(moments[0], now=now) if moments else None,
            labels=tuple(filters.get("label", ())),
            without_labels=tuple(filters.get("label!", ())),
        )

    def matches(self, labels: Mapping[str, str], created_at: datetime) -> bool:
        """Whether something with *labels*, made at *created_at*, goes."""
        return (
            (self.until is None or created_at < self.until)
            and all(_has(labels, each) for each in self.labels)
            and not any(_has(labels, each) for each in self.without_labels)
        )


def parse_moment(text: str, *, now: datetime) -> datetime:
    """
    Return the moment that *text* says: a date, a time, Unix seconds, or a duration before *now*.

    Raises `InvalidSetting`.
    """
    pieces = _DURATION.findall(text)
    if pieces and "".join(number + unit for number, unit in pieces) == text:
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in pieces)
        return _in_range(text, lambda: now - timedelta(seconds=seconds))
    if re.fullmatch(r"\d{1,12}(?:\.\d+)?", text, re.ASCII):
        return _in_range(text, lambda: datetime.fromtimestamp(float(text), UTC))
    return _written(text)


def _written(text: str) -> datetime:
    for form in _MOMENTS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    moment = parse_timestamp(text)
    if moment is None:
        raise _refusal(text)
    return moment


def _in_range(text: str, make: Callable[[], datetime]) -> datetime:
    try:
        return make()
    except (OverflowError, ValueError) as error:
        raise _refusal(text) from error


def _refusal(text: str) -> InvalidSetting:
    return InvalidSetting(
        "filters",
        f"{text[:40]!r} is no time",
        remedy="Write a duration as 24h, or a time as 2006-01-02T15:04:05.",
    )


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


EVERYTHING = PruneFilter()
