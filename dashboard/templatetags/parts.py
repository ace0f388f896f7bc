"""Template tags that draw the parts every page is composed of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.template.defaulttags import CsrfTokenNode
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html

from dashboard.templatetags import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.forms import BoundField
    from django.template import Context
    from django.utils.safestring import SafeString

    from dashboard.models import Container
    from dashboard.selectors.disk import Part

register = template.Library()

# What a state looks like: tone, icon.
_CONTAINER_LOOKS = {
    "created": ("", "new"),
    "running": ("ok", "play"),
    "paused": ("warn", "pause"),
    "restarting": ("warn", "loop"),
    "exited": ("", "stop"),
    "removing": ("warn", "trash"),
    "dead": ("bad", "alert"),
}
_JOB_LOOKS = {
    "queued": ("", "clock"),
    "running": ("accent spin", "spin"),
    "succeeded": ("ok", "done"),
    "failed": ("bad", "fail"),
    "cancelled": ("", "ban"),
    "requested": ("", "clock"),
}
_HEALTH_LOOKS = {
    "starting": ("", "clock"),
    "healthy": ("ok", "heart"),
    "unhealthy": ("bad", "alert"),
}
LEAST_WIDTH = 0.6
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104  (shown, not bound)
_CHANGE_LOOKS = {
    "A": ("ok", "plus", "Added"),
    "C": ("warn", "edit", "Changed"),
    "D": ("bad", "trash", "Deleted"),
}
_AFTER_EXIT = {
    "always": "it is started again",
    "unless-stopped": "it is started again, unless somebody stopped it",
    "on-failure": "it is started again if it failed",
}
_SIGNALS = {
    130: "SIGINT",
    131: "SIGQUIT",
    134: "SIGABRT",
    137: "SIGKILL",
    139: "SIGSEGV",
    143: "SIGTERM",
}


@register.simple_block_tag(takes_context=True)
def question(context: Context, content: str, view: str, *arguments: Any) -> SafeString:
    """Put what stands in it as a form for *view*, whose answer takes its place."""
    return format_html(
        '<form class="form-host" method="post" action="{0}" hx-post="{0}" hx-target="this"'
        ' hx-swap="outerHTML" novalidate>{1}{2}</form>',
        reverse(view, args=arguments),
        CsrfTokenNode().render(context),
        content,
    )


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Draw the icon *name* of our sprite. It says nothing by itself: a word stands beside it."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"/></svg>',
        classes,
        static("dashboard/icons.svg"),
        name,
    )


@register.simple_tag
def badge(tone: str, icon_name: str, word: str, title: str = "") -> SafeString:
    """Draw a state: an icon and a word, in a tone."""
    return format_html(
        '<span class="badge {}" title="{}">{}{}</span>', tone, title, icon(icon_name), word
    )


@register.simple_tag
def container_badge(container: Container) -> SafeString:
    """Draw the state of *container*: a failed exit looks different from a clean one."""
    tone, name = _CONTAINER_LOOKS.get(container.state, ("", "info"))
    word = container.get_state_display()
    if container.state == "exited":
        tone, name, word = _exit_look(container.exit_code)
    return badge(tone, name, word, ending(container))


@register.simple_tag
def exit_badge(code: int | None) -> SafeString | str:
    """Draw how a container ended whose exit code is all that is known; nothing if it never ran."""
    return "" if code is None else badge(*_exit_look(code))


def _exit_look(code: int | None) -> tuple[str, str, str]:
    tone, name = ("bad", "fail") if code else ("", "stop")
    return tone, name, f"Exited ({code})"


@register.simple_tag
def health_badge(container: Container) -> SafeString | str:
    """Draw what the health check of *container* says, where it has one and runs."""
    look = _HEALTH_LOOKS.get(container.health)
    if look is None or not container.is_running:
        return ""
    return badge(look[0], look[1], container.health.capitalize())


@register.simple_tag
def change_badge(kind: str) -> SafeString | str:
    """Draw what happened to a path: `A`dded, `C`hanged or `D`eleted."""
    look = _CHANGE_LOOKS.get(kind)
    return badge(*look) if look else ""


@register.simple_tag
def port_link(port: dict[str, Any], host: str) -> SafeString:
    """Draw a published port, as a link where a browser may find something behind it."""
    text = f"{port.get('host_port')} → {port.get('container_port')}"
    if port.get("protocol", "tcp") != "tcp":
        return format_html('<span class="nowrap num">{}/{}</span>', text, port["protocol"])
    name = host
    if (address := str(port.get("host_ip") or "")) not in _EVERYWHERE:
        name = f"[{address}]" if ":" in address else address
    url = f"http://{name}:{port.get('host_port')}/"
    return format_html(
        '<a class="nowrap num" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
        url,
        text,
    )


@register.simple_tag
def job_badge(state: str) -> SafeString:
    """Draw the state of a job or the outcome of an audit entry."""
    tone, name = _JOB_LOOKS.get(state, ("", "info"))
    return badge(tone, name, state.capitalize())


@register.filter
def ending(container: Container) -> str:
    """Return in words why *container* stopped; empty while it runs."""
    if container.error:
        return container.error
    if container.oom_killed:
        return "Killed: it ran out of memory"
    code = container.exit_code
    if container.state != "exited" or code is None:
        return ""
    if code == 0:
        return "Finished by itself, with success"
    if code in _SIGNALS:
        return f"Ended by {_SIGNALS[code]} (exit code {code})"
    return f"Its program failed with exit code {code}"


@register.filter
def at_exit(container: Container) -> str:
    """Return in words what becomes of *container* when its program ends."""
    if container.auto_remove:
        return "it is removed"
    policy = container.settings.get("restart") or {}
    words = _AFTER_EXIT.get(policy.get("name", ""), "it stays, stopped")
    most = policy.get("max_retries")
    return f"{words}, at most {most} time{'' if most == 1 else 's'}" if most else words


@register.inclusion_tag("components/copyable.html")
def copyable(value: str, shown: str = "", what: str = "ID") -> dict[str, str]:
    """Show *shown* (or the short form of *value*) with a button that copies all of *value*."""
    return {"value": value, "shown": shown or words.short_id(value), "what": what}


@register.inclusion_tag("components/bar.html")
def bar(*parts: Any, label: str = "", tall: bool = False) -> dict[str, Any]:
    """
    Draw one bar from pairs of tone and bytes, laid end to end; the whole is their sum.

    Segments too thin to see still get a sliver, because what is there should show.
    """
    pairs = [
        (str(tone), max(0, size or 0)) for tone, size in zip(parts[::2], parts[1::2], strict=True)
    ]
    return {"segments": _laid_out(pairs), "label": label, "tall": tall}


@register.inclusion_tag("components/bar.html")
def stacked(parts: Iterable[Part], *, label: str = "") -> dict[str, Any]:
    """Draw *parts* as one tall bar, laid end to end."""
    return {
        "segments": _laid_out([(each.tone, each.size) for each in parts]),
        "label": label,
        "tall": True,
    }


@register.inclusion_tag("components/meter.html")
def meter(part: float | None, whole: float | None, *, label: str = "") -> dict[str, Any]:
    """Draw how much of *whole* is used, warning as it fills."""
    filled = words.share(part, whole)
    tone = "bad" if filled >= 92 else "warn" if filled >= 80 else ""
    return {"percent": filled, "tone": tone, "label": label}


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, placeholder: str = "", kind: str = "") -> dict[str, Any]:
    """Draw a form field with its label, its help, and its errors at the field."""
    attributes: dict[str, str | bool] = {"class": f"input {kind}".strip()}
    if placeholder:
        attributes["placeholder"] = placeholder
    described = [f"{bound.auto_id}_error"] if bound.errors else []
    if bound.help_text:
        described.append(f"{bound.auto_id}_help")
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    is_check = getattr(bound.field.widget, "input_type", "") == "checkbox"
    if is_check:
        attributes["class"] = "check"
    return {"bound": bound, "control": bound.as_widget(attrs=attributes), "is_check": is_check}


@register.simple_tag(takes_context=True)
def sort_link(context: Context, key: str, word: str) -> SafeString:
    """Draw a column head that sorts by *key*, and the other way when it already does."""
    request = context["request"]
    current = str(context.get("sort", ""))
    target = f"-{key}" if current == key else key
    query = request.GET.copy()
    query["sort"] = target
    query.pop("page", None)
    arrow: SafeString | str = ""
    if current.lstrip("-") == key:
        arrow = icon("down" if current.startswith("-") else "up")
    return format_html('<a href="?{}">{}{}</a>', query.urlencode(), word, arrow)


@register.simple_tag(takes_context=True)
def sort_state(context: Context, key: str) -> SafeString | str:
    """Return the `aria-sort` attribute of the column *key*, where it is the one sorted by."""
    current = str(context.get("sort", ""))
    if current.lstrip("-") != key:
        return ""
    direction = "descending" if current.startswith("-") else "ascending"
    return format_html(' aria-sort="{}"', direction)


def _laid_out(pairs: list[tuple[str, int]]) -> list[dict[str, Any]]:
    total = sum(size for _, size in pairs)
    widths = [(tone, max(LEAST_WIDTH, 100 * size / total)) for tone, size in pairs if size]
    # Slivers that are wider than their share make all others a little narrower.
    scale = 100 / max(100.0, sum(width for _, width in widths))
    segments: list[dict[str, Any]] = []
    left = 0.0
    for tone, wanted in widths:
        width = wanted * scale
        segments.append(
            {"tone": tone, "x": f"{left:.2f}%", "width": f"{max(width - 0.3, 0.3):.2f}%"}
        )
        left += width
    return segments
