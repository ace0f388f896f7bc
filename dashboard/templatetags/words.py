"""Template filters that turn a value into the words people read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from dashboard.things import NOUNS

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

register = template.Library()

NONE = "\N{EN DASH}"
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEPS = (
    (timedelta(minutes=1), timedelta(seconds=1), "second"),
    (timedelta(hours=1), timedelta(minutes=1), "minute"),
    (timedelta(days=1), timedelta(hours=1), "hour"),
    (timedelta(days=14), timedelta(days=1), "day"),
    (timedelta(days=60), timedelta(weeks=1), "week"),
    (timedelta(days=730), timedelta(days=30), "month"),
    (timedelta.max, timedelta(days=365), "year"),
)


@register.filter(name="bytes")
def render_bytes(value: float | None) -> str:
    """Return *value* as docker writes sizes on disk: `3.4 GB`, by thousands."""
    return _render_amount(value, base=1000, units=_DECIMAL)


@register.filter
def memory(value: float | None) -> str:
    """Return *value* as docker writes memory: `256 MiB`, by 1024."""
    return _render_amount(value, base=1024, units=_BINARY)


@register.filter
def cpus(nano: int | None) -> str:
    """Return billionths of a processor as a number of them: `1.5`."""
    return NONE if not nano else f"{nano / 10**9:g}"


@register.filter
def percent(value: float | None) -> str:
    """Return *value*, already in percent, with one digit: `12.5%`."""
    return NONE if value is None else f"{value:.1f}%"


@register.filter
def share(part: float | None, whole: float | None) -> float:
    """Return *part* as a percentage of *whole*, 0 to 100; 0 when there is no whole."""
    if not part or not whole:
        return 0.0
    return round(max(0.0, min(100.0, 100 * part / whole)), 2)


@register.filter
def short_id(value: str) -> str:
    """Return the first 12 digits of an ID or digest: what people see."""
    return str(value).rpartition(":")[2][:12]


@register.filter
def span(value: timedelta | None) -> str:
    """Return how long *value* is in one unit: `3 minutes`."""
    if value is None:
        return NONE
    for limit, unit, word in _STEPS:
        if value < limit:
            count = max(0, int(value / unit))
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    raise AssertionError(value)


@register.filter
def since(moment: datetime | None) -> str:
    """Return how long ago *moment* was, without the `ago`."""
    return NONE if moment is None else span(timezone.now() - moment)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return a `<time>` element that says how long ago *moment* was and keeps saying it."""
    if moment is None:
        return NONE
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{} ago</time>',
        moment.isoformat(),
        _exact(moment),
        since(moment),
    )


@register.filter
def uptime(moment: datetime | None) -> SafeString | str:
    """Return a `<time>` element that counts on from *moment*: `3 minutes`."""
    if moment is None:
        return NONE
    return format_html(
        '<time datetime="{}" title="since {}" data-since>{}</time>',
        moment.isoformat(),
        _exact(moment),
        since(moment),
    )


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """Return a `<time>` element with the exact time of *moment*, in UTC at first."""
    if moment is None:
        return NONE
    return format_html(
        '<time datetime="{}" data-exact>{}</time>', moment.isoformat(), _exact(moment)
    )


@register.filter
def moment(text: str) -> datetime | None:
    """Return the moment that *text* (ISO 8601) names, None where it names none."""
    return parse_datetime(text or "")


@register.filter
def took(job: Any) -> str:
    """Return how long *job* ran: `1.2 s`, `3 min 4 s`; empty until it has ended."""
    if not job.started_at or not job.finished_at:
        return ""
    seconds = (job.finished_at - job.started_at).total_seconds()
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


@register.filter
def familiar(reference: str) -> str:
    """Return a canonical *reference* as docker shows it: without the default registry."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


@register.filter
def thing(kind: str) -> str:
    """Return what one thing of *kind*, as clean-ups tell them apart, is called."""
    return NOUNS.get(kind, (kind,))[0]


@register.filter
def instruction(created_by: str) -> SafeString:
    """Return a history entry's command, its Dockerfile word set off and shell noise left out."""
    text = re.sub(r"\s+", " ", created_by or "").strip()
    text = text.removeprefix("/bin/sh -c #(nop) ").strip()
    text = re.sub(r"^(?:RUN )?/bin/sh -c ", "RUN ", text)
    text = text.removesuffix("# buildkit").strip()
    word, _, rest = text.partition(" ")
    if word.isupper():
        return format_html("<b>{}</b> {}", word, rest)
    return format_html("{}", text)


def _exact(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _render_amount(value: float | None, *, base: int, units: tuple[str, ...]) -> str:
    if value is None:
        return NONE
    amount = float(value)
    for unit in units:
        if abs(amount) < base or unit == units[-1]:
            break
        amount /= base
    digits = 0 if unit == "B" or abs(amount) >= 99.95 else 1
    return f"{amount:.{digits}f} {unit}"
