"""What stands in a query string, read the way docker reads it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.dockerapi.refusals import Refusal
from engine.oci.timestamps import EPOCH, parse_timestamp
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_FALSE = frozenset({"", "0", "no", "false", "none"})
_SECONDS = re.compile(r"(-?\d{1,15})(?:\.(\d{1,9}))?", re.ASCII)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
MAX_FILTERS = 64 * 1024
MAX_INT = 2**63


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters after the question mark; of one that is there twice the first counts."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """Return the parameter *name*, or *default*."""
        found = self.values.get(name)
        return found[0] if found else default

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the parameter *name* each time it is given."""
        return self.values.get(name, ())

    def has(self, name: str) -> bool:
        """Whether the parameter *name* is given at all."""
        return name in self.values

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether *name* is set: anything but nothing, 0, no, false and none is."""
        if name not in self.values:
            return default
        return self.text(name).lower().strip() not in _FALSE

    def number(self, name: str, default: int = 0) -> int:
        """Return *name* as a whole number; raise `Refusal` (400) for what is none."""
        text = self.text(name)
        if not text:
            return default
        return parse_number(text, name)

    def moment(self, name: str) -> datetime | None:
        """Return *name* as a time, None if it is not given or 0; see `parse_moment`."""
        text = self.text(name)
        return None if text in {"", "0"} else parse_moment(text, name)

    def filters(self, *known: str) -> Filters:
        """Return the parameter `filters`; a name that is not *known*, if any is, is refused."""
        return parse_filters(self.text("filters"), known)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for, by name of the filter."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, name: str) -> tuple[str, ...]:
        """Return the values of *name*, none if it is not filtered by."""
        return self.values.get(name, ())

    def flag(self, name: str) -> bool | None:
        """Return *name* as yes or no, None if it is not filtered by; raise `Refusal` (400)."""
        found = {each.lower() for each in self.get(name)}
        if not found:
            return None
        if found <= {"1", "true", "t"}:
            return True
        if found <= {"0", "false", "f"}:
            return False
        raise Refusal(400, f"Invalid filter '{name}=[{' '.join(sorted(found))}]'")

    def matches(self, name: str, value: str) -> bool:
        """Whether *name* is not filtered by, or *value* is one that is asked for."""
        wanted = self.get(name)
        return not wanted or value in wanted

    def matches_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether *labels* has every `label` and none of the `label!` that are asked for."""
        return all(_has_label(labels, each) for each in self.get("label")) and not any(
            _has_label(labels, each) for each in self.get("label!")
        )


def parse_filters(text: str, known: tuple[str, ...]) -> Filters:
    """Return the filters that *text* spells: `{name: {value: true}}`, or lists as of old."""
    if not text:
        return Filters()
    if len(text) > MAX_FILTERS:
        raise Refusal(400, "Invalid filter: too long")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "Invalid filter") from error
    if value is None:
        return Filters()
    if not isinstance(value, dict):
        raise Refusal(400, "Invalid filter")
    unknown = sorted(set(value) - set(known)) if known else []
    if unknown:
        raise Refusal(400, f"Invalid filter '{unknown[0][:100]}'")
    return Filters({name: _filter_values(each) for name, each in value.items()})


def _filter_values(value: object) -> tuple[str, ...]:
    if isinstance(value, dict) and all(isinstance(each, bool) for each in value.values()):
        return tuple(name for name, is_set in value.items() if is_set)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise Refusal(400, "Invalid filter")


def _has_label(labels: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


def until_of(filters: Filters) -> datetime | None:
    """Return the earliest of the times that the filter `until` names, None without any."""
    now = SYSTEM_CLOCK.now()
    return min((_until(each, now) for each in filters.get("until")), default=None)


def _until(text: str, now: datetime) -> datetime:
    try:
        return parse_moment_or_age(text, "until", now)
    except Refusal as error:
        words = f'failed to parse value as time or duration: "{text[:60]}"'
        raise Refusal(400, words) from error


def parse_number(text: str, name: str) -> int:
    """Return the whole number that *text* spells; raise `Refusal` (400) naming *name*."""
    try:
        number = int(text) if text.isascii() and len(text) < 21 else MAX_INT
    except ValueError:
        number = MAX_INT
    if not -MAX_INT <= number < MAX_INT:
        raise Refusal(400, f'{name}: strconv.ParseInt: parsing "{text[:60]}": invalid syntax')
    return number


def parse_moment(text: str, name: str) -> datetime:
    """Return the time that *text* spells: seconds with a fraction, or RFC 3339."""
    match = _SECONDS.fullmatch(text)
    if match is None:
        moment = parse_timestamp(text)
    else:
        micros = int((match[2] or "").ljust(9, "0")) // 1000
        moment = _after_epoch(int(match[1]), micros)
    if moment is None:
        raise Refusal(400, f'invalid value for "{name}": {text[:60]}')
    return moment


def _after_epoch(seconds: int, micros: int) -> datetime | None:
    try:
        return EPOCH + timedelta(seconds=seconds, microseconds=micros)
    except OverflowError:
        return None


def parse_moment_or_age(text: str, name: str, now: datetime) -> datetime:
    """Return the time that *text* spells, where `10m` means so long before *now*."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return parse_moment(text, name)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError as error:
        raise Refusal(400, f'invalid value for "{name}": {text[:60]}') from error
