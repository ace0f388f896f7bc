"""
Template tags that say whose things are, and what follows for who looks.

A row that is pushed is rendered for everybody, so it carries its owner and the page's script marks
it (`owners.js`); where a page is rendered for one person, it is marked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import permissions
from dashboard.models import Role

if TYPE_CHECKING:
    from django.template import Context

register = template.Library()


@register.simple_tag(takes_context=True)
def owned_by(context: Context, owner: str) -> SafeString:
    """Return the attributes of an element that shows something of *owner*."""
    mark = SafeString(" data-others") if is_others(context, owner) else ""
    return format_html('data-owner="{}"{}', owner, mark)


@register.simple_tag(takes_context=True)
def is_others(context: Context, owner: str) -> bool:
    """Whether who looks operates, but may not stop, change or remove what belongs to *owner*."""
    request = context.get("request")
    if request is None or not permissions.is_permitted(request.user, Role.OPERATOR):
        return False
    return not permissions.may_take(request.user, owner)


@register.filter
def whose(owner: str) -> str:
    """Return in words whose it is and whom to ask: `belongs to ana: ask the owner`."""
    return permissions.whose(owner)
