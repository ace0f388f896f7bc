"""Template filters that place rectangles of a treemap, in percent of the whole picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html

from dashboard.layer_map import PLACE

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from dashboard.treemap import Rect

register = template.Library()


@register.filter
def placed(rect: Rect) -> SafeString:
    """Return the attributes that put an element where *rect* is."""
    return format_html(
        'x="{}%" y="{}%" width="{}%" height="{}%"',
        _percent(rect.x, PLACE.width),
        _percent(rect.y, PLACE.height),
        _percent(rect.width, PLACE.width),
        _percent(rect.height, PLACE.height),
    )


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3f}"
