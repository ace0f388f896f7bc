"""Template tags that say until when a container is wanted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import template
from django.utils import timezone
from django.utils.html import format_html

from dashboard.leases import render_lease
from dashboard.templatetags.parts import badge

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from dashboard.models import Container

register = template.Library()

SOON = timedelta(hours=24)
HOUR = 3600


@register.simple_tag
def lease_words(container: Container) -> SafeString | str:
    """Say until when *container* is wanted: `no end`, or the moment and how far it is."""
    if container.expires_at is None:
        return "no end"
    left = container.expires_at - timezone.now()
    far = f"in {_span(left)}" if left > timedelta(0) else "over"
    return format_html(
        '<span class="num nowrap">{} UTC</span> <span class="faint nowrap">{}</span>',
        render_lease(container.expires_at),
        far,
    )


@register.simple_tag
def lease_badge(container: Container) -> SafeString | str:
    """Draw that the lease of *container* ends within a day, or is over; else nothing."""
    if container.expires_at is None:
        return ""
    left = container.expires_at - timezone.now()
    if left > SOON:
        return ""
    word = "Lease over" if left <= timedelta(0) else f"Lease ends in {_span(left)}"
    return badge("warn", "clock", word, f"Wanted until {render_lease(container.expires_at)} UTC")


def _span(left: timedelta) -> str:
    hours = left.total_seconds() / HOUR
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
